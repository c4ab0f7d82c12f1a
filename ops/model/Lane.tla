-------------------------------- MODULE Lane --------------------------------
(* What keeps a customer from being sold a plan twice, and from being told an untruth.

   One customer at one partner account, whose commands are run by takes of its lane: a process that loses the lane and
   takes it again is another take. Between any two actions a take may stop for ever, be overtaken, or go on as if
   nothing had happened. Partner Center may act on a request long after its sender has given up, or never.

   Time is not counted: that something has settled means that nothing of it is under way. In the worker an instant kept
   with each intent stands for that. A lease may end whenever nothing here forbids it. *)
EXTENDS Naturals, Sequences, FiniteSets

CONSTANTS
    Takes,         \* takes of the lane
    Process,       \* the process of each take: [Takes -> processes]
    Commands,      \* what the customer's commands want, in the order in which they were accepted
    MostRequests,  \* bounds that keep the model finite
    MostCarts,
    SameCart,      \* rule: after a lost answer the same cart is checked out again, never another one
    Settle,        \* rule: a command is not begun while a request of another one may still change something
    SettledNo,     \* rule: no "no" while a request of the command itself may still arrive
    GateAtSend,    \* rule: ownership is looked at in the instant in which the request leaves
    Epoch,         \* rule: the owner is the take, not the process
    LookLast,      \* rule: what had settled is judged by when the look began, not by when it is acted on
    OpenEffect,    \* rule: an effect of unknown outcome keeps its key, and who wants the key looks at it first
    OneLine        \* rule: all commands of a customer stand in one lane

VARIABLES
    owner, queue,          \* of each lane: who runs it; what is still to be run
    cart, doubt, said,     \* of each command: its cart; whether a write of it was ever begun; its answer
    holder, redriven,      \* of each lane: the command that holds the effect's key; the commands a person began again
    net, sent,             \* requests that may still take effect; how many were ever sent
    made, ordered, plan,   \* Partner Center: carts made, carts ordered, the plan
    at, lane, seen, going, \* of each take: where it is, its lane, what it saw, the request that it is about to send
    lied                   \* something took effect after its "no"

journal == <<owner, queue, cart, doubt, said, holder, redriven>>
center  == <<made, ordered, plan>>
takes   == <<at, lane, seen, going>>
vars    == <<journal, net, sent, center, takes, lied>>

Lanes  == {1, 2}
Places == 1..Len(Commands)
Nobody == "nobody"
None   == 0
Blank  == [plan |-> "none", ordered |-> FALSE, left |-> "nothing", older |-> FALSE, own |-> FALSE]

TypeOK ==
    /\ owner \in [Lanes -> Takes \union {Nobody}]
    /\ cart \in [Places -> 0..MostCarts] /\ doubt \in [Places -> BOOLEAN]
    /\ said \in [Places -> {"open", "yes", "no", "unknown"}]
    /\ holder \in [Lanes -> 0..Len(Commands)]
    /\ made \in 0..MostCarts /\ ordered \subseteq 1..MostCarts /\ plan \in {"none", "active", "suspended"}
    /\ at \in [Takes -> {"idle", "begin", "seen", "ready", "sent"}]

Init ==
    /\ owner = [l \in Lanes |-> Nobody]
    /\ queue = IF OneLine THEN <<[p \in Places |-> p], <<>>>> ELSE <<<<1>>, [p \in 1..Len(Commands) - 1 |-> p + 1]>>
    /\ cart = [p \in Places |-> None] /\ doubt = [p \in Places |-> FALSE] /\ said = [p \in Places |-> "open"]
    /\ holder = [l \in Lanes |-> None] /\ redriven = {}
    /\ net = {} /\ sent = 0
    /\ made = 0 /\ ordered = {} /\ plan = "none"
    /\ at = [t \in Takes |-> "idle"] /\ lane = [t \in Takes |-> 1]
    /\ seen = [t \in Takes |-> Blank] /\ going = [t \in Takes |-> [place |-> None, cart |-> None]]
    /\ lied = FALSE

(* ---- who runs what ---- *)
Owns(t) == LET o == owner[lane[t]] IN IF Epoch THEN o = t ELSE o # Nobody /\ Process[o] = Process[t]
Now(t)  == Head(queue[lane[t]])
Works(t, where) == at[t] = where /\ Owns(t) /\ queue[lane[t]] # <<>>

Take(t) ==  \* the lane is free, or its owner's lease has ended: crash, pause and cut network look the same
    /\ at[t] = "idle"
    /\ \E l \in Lanes:
        /\ queue[l] # <<>> /\ owner[l] # t
        /\ owner' = [owner EXCEPT ![l] = t] /\ lane' = [lane EXCEPT ![t] = l]
    /\ at' = [at EXCEPT ![t] = "begin"]
    /\ UNCHANGED <<queue, cart, doubt, said, holder, redriven, net, sent, center, seen, going, lied>>

Goes(t, where) ==
    /\ at' = [at EXCEPT ![t] = where]
    /\ seen' = IF where = "seen" THEN seen ELSE [seen EXCEPT ![t] = Blank]
    /\ lane' = lane

End(t) ==  \* it crashes; or a conditional write changes no row; or the gate finds another owner
    /\ \/ at[t] # "idle" /\ owner' = [l \in Lanes |-> IF owner[l] = t THEN Nobody ELSE owner[l]]
       \/ at[t] \in {"begin", "seen"} /\ ~Owns(t) /\ owner' = owner
       \/ at[t] = "ready" /\ GateAtSend /\ ~Owns(t) /\ owner' = owner
    /\ Goes(t, "idle") /\ going' = [going EXCEPT ![t] = [place |-> None, cart |-> None]]
    /\ UNCHANGED <<queue, cart, doubt, said, holder, redriven, net, sent, center, lied>>

(* ---- one command: look, then answer or act ---- *)
Wants(p)     == Commands[p]
UsedUp(r)    == Wants(r.place) = "create" /\ r.cart \in ordered  \* checking a cart out again changes nothing
NoOther(p)   == \A r \in net: r.place = p \/ UsedUp(r)
NoOwn(p)     == \A r \in net: r.place # p \/ UsedUp(r)
Older(t)     == IF LookLast THEN seen[t].older ELSE NoOther(Now(t))
Own(t)       == IF LookLast THEN seen[t].own ELSE NoOwn(Now(t))
Holder(t)    == holder[lane[t]]
Leftover(t)  == Holder(t) # None /\ Holder(t) # Now(t)

Look(t) ==  \* at the plan, at the own cart, and at the cart that another command left open, if it can be read
    /\ Works(t, "begin")
    /\ \E readable \in (IF Leftover(t) THEN BOOLEAN ELSE {TRUE}):
        seen' = [seen EXCEPT ![t] =
            [plan    |-> plan,
             ordered |-> cart[Now(t)] \in ordered,
             left    |-> CASE ~Leftover(t) -> "nothing"
                           [] ~readable -> "cannot tell"
                           [] cart[Holder(t)] \in ordered -> "ordered"
                           [] OTHER -> "not ordered",
             older   |-> NoOther(Now(t)),
             own     |-> NoOwn(Now(t))]]
    /\ at' = [at EXCEPT ![t] = "seen"]
    /\ UNCHANGED <<journal, net, sent, center, lane, going, lied>>

Holds(t) ==
    CASE Wants(Now(t)) = "create"     -> seen[t].plan # "none" /\ (seen[t].ordered \/ Own(t))
      [] Wants(Now(t)) = "suspend"    -> seen[t].plan = "suspended"
      [] Wants(Now(t)) = "reactivate" -> seen[t].plan = "active"

Conclude(t, answer) ==
    LET l == lane[t] IN
    /\ said' = [said EXCEPT ![Now(t)] = answer]
    /\ queue' = [queue EXCEPT ![l] = Tail(@)]
    /\ holder' = [holder EXCEPT ![l] = IF @ = Now(t) /\ ~(answer = "unknown" /\ OpenEffect) THEN None ELSE @]
    /\ Goes(t, "begin")
    /\ UNCHANGED <<owner, cart, doubt, redriven, net, sent, center, going, lied>>

SayYes(t) == Works(t, "seen") /\ (Settle => Older(t)) /\ Holds(t) /\ Conclude(t, "yes")

SayNo(t) ==  \* its deadline has passed, Partner Center refuses, there is no plan, or an earlier outcome is not known
    /\ Works(t, "seen") /\ (Settle => Older(t)) /\ ~Holds(t) /\ ~seen[t].ordered
    /\ (SettledNo => Own(t))
    /\ Conclude(t, "no")

Park(t) ==  \* its attempts are spent, or looking cannot tell: a person is to decide
    /\ Works(t, "seen") /\ (Settle => Older(t)) /\ doubt[Now(t)]
    /\ (SettledNo => Own(t))
    /\ Conclude(t, "unknown")

CloseLeftover(t) ==  \* looking shows that what another command left open did not come about, and nothing can any more
    /\ Works(t, "seen") /\ seen[t].left = "not ordered" /\ (Settle => Older(t))
    /\ holder' = [holder EXCEPT ![lane[t]] = None]
    /\ Goes(t, "begin")
    /\ UNCHANGED <<owner, queue, cart, doubt, said, redriven, net, sent, center, going, lied>>

Acts(t) == Works(t, "seen") /\ (Settle => Older(t)) /\ ~Holds(t) /\ ~Leftover(t)

MakeCart(t) ==  \* an unused cart costs nothing; its id is durable before it is used
    /\ Acts(t) /\ Wants(Now(t)) = "create" /\ seen[t].plan = "none" /\ ~seen[t].ordered
    /\ cart[Now(t)] = None \/ ~SameCart
    /\ made < MostCarts
    /\ made' = made + 1 /\ cart' = [cart EXCEPT ![Now(t)] = made + 1]
    /\ Goes(t, "begin")
    /\ UNCHANGED <<owner, queue, doubt, said, holder, redriven, net, sent, ordered, plan, going, lied>>

Intend(t) ==  \* durable before the request leaves
    /\ Acts(t)
    /\ Wants(Now(t)) = "create" => seen[t].plan = "none" /\ ~seen[t].ordered /\ cart[Now(t)] # None
    /\ Wants(Now(t)) # "create" => seen[t].plan # "none"
    /\ doubt' = [doubt EXCEPT ![Now(t)] = TRUE]
    /\ holder' = [holder EXCEPT ![lane[t]] = IF Wants(Now(t)) = "create" THEN Now(t) ELSE @]
    /\ going' = [going EXCEPT ![t] = [place |-> Now(t), cart |-> cart[Now(t)]]]
    /\ Goes(t, "ready")
    /\ UNCHANGED <<owner, queue, cart, said, redriven, net, sent, center, lied>>

Send(t) ==
    /\ at[t] = "ready" /\ sent < MostRequests
    /\ GateAtSend => Owns(t)
    /\ sent' = sent + 1
    /\ net' = net \union {[id |-> sent + 1, place |-> going[t].place, cart |-> going[t].cart]}
    /\ Goes(t, "sent")
    /\ UNCHANGED <<journal, center, going, lied>>

GoOn(t) ==  \* an answer, or none: in both cases it looks before it goes on
    /\ at[t] = "sent"
    /\ Goes(t, "begin") /\ going' = [going EXCEPT ![t] = [place |-> None, cart |-> None]]
    /\ UNCHANGED <<journal, net, sent, center, lied>>

(* ---- a person ---- *)
Redrive(p) ==  \* a parked command begins its next story, at the end of its lane, with the cart that it has
    /\ said[p] = "unknown" /\ p \notin redriven
    /\ LET l == IF OneLine \/ p > 1 THEN (IF OneLine THEN 1 ELSE 2) ELSE 1 IN
        queue' = [queue EXCEPT ![l] = Append(@, p)]
    /\ said' = [said EXCEPT ![p] = "open"] /\ redriven' = redriven \union {p}
    /\ UNCHANGED <<owner, cart, doubt, holder, net, sent, center, takes, lied>>

(* ---- Partner Center ---- *)
Arrive(r) ==
    /\ net' = net \ {r}
    /\ ordered' = IF Wants(r.place) = "create" THEN ordered \union {r.cart} ELSE ordered
    /\ plan' = CASE plan = "none" -> "none"
                 [] Wants(r.place) = "suspend" -> "suspended"
                 [] Wants(r.place) = "reactivate" -> "active"
                 [] OTHER -> plan
    /\ lied' = (lied \/ (said[r.place] = "no" /\ ~UsedUp(r)))
    /\ UNCHANGED <<journal, sent, made, takes>>

Lose(r) == net' = net \ {r} /\ UNCHANGED <<journal, sent, center, takes, lied>>

Provide ==  \* an order becomes a plan, some time later
    /\ plan = "none" /\ ordered # {}
    /\ plan' = "active"
    /\ UNCHANGED <<journal, net, sent, made, ordered, takes, lied>>

Next ==
    \/ \E t \in Takes: \/ Take(t) \/ End(t) \/ Look(t) \/ SayYes(t) \/ SayNo(t) \/ Park(t) \/ CloseLeftover(t)
                       \/ MakeCart(t) \/ Intend(t) \/ Send(t) \/ GoOn(t)
    \/ \E p \in Places: Redrive(p)
    \/ \E r \in net: Arrive(r) \/ Lose(r)
    \/ Provide

Spec == Init /\ [][Next]_vars

(* ---- what is promised ---- *)
BoughtOnce == Cardinality(ordered) <= 1
HonestNo   == ~lied
Finished   == \A l \in Lanes: queue[l] = <<>>
Quiet      == net = {} /\ \A t \in Takes: at[t] # "ready"
Last       == Commands[Len(Commands)]
EndsRight  == Finished /\ Quiet /\ redriven = {} /\ said[Len(Commands)] = "yes" =>
    CASE Last = "create"     -> plan # "none"
      [] Last = "suspend"    -> plan = "suspended"
      [] Last = "reactivate" -> plan = "active"
=============================================================================
