"""The file of the refresh token: replaced whole or not at all, by one process at a time."""

import multiprocessing
from pathlib import Path

import pytest

from worker.clock import Clock
from worker.partner_center.client.refresh_token import RefreshTokenFile, RefreshTokenFileError


def redeem(path: Path, times: int) -> None:
    """Use the token in the file this many times, and store a successor each time."""
    for _ in range(times):
        with RefreshTokenFile(path, Clock()).redemption() as (token, store):
            store(str(int(token) + 1))


def test_processes_that_share_a_file_take_turns(tmp_path: Path) -> None:
    """No successor is lost, and no token is redeemed twice."""
    path = tmp_path / "refresh-token"
    path.write_text("0")
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=redeem, args=(path, 20)) for _ in range(2)]
    for other in others:
        other.start()
    redeem(path, 20)
    for other in others:
        other.join(30)
    assert path.read_text() == "60"


def test_a_redemption_that_fails_changes_nothing(tmp_path: Path) -> None:
    """The token stays, and no temporary file remains."""
    path = tmp_path / "refresh-token"
    path.write_text("token")
    with pytest.raises(RuntimeError, match="the authority said no"):
        fail(path)
    assert path.read_text() == "token"
    assert sorted(each.name for each in tmp_path.iterdir()) == [".refresh-token.lock", "refresh-token"]


def fail(path: Path) -> None:
    """Begin to redeem, and get no answer."""
    with RefreshTokenFile(path, Clock()).redemption():
        raise RuntimeError("the authority said no")


def test_a_file_in_use_is_not_waited_for_without_end(tmp_path: Path) -> None:
    """The error names the file that another process holds."""
    path = tmp_path / "refresh-token"
    path.write_text("token")
    with (
        RefreshTokenFile(path, Clock()).redemption(),
        pytest.raises(RefreshTokenFileError, match=r"refresh-token.* has been in use by another process for 0\.2 s"),
        RefreshTokenFile(path, Clock(), lock_timeout=0.2).redemption(),
    ):
        pytest.fail("both had it")


def test_a_half_written_file_of_a_crash_is_no_obstacle(tmp_path: Path) -> None:
    """The next process deletes a half-written successor."""
    path = tmp_path / "refresh-token"
    path.write_text("1")
    (tmp_path / ".refresh-token.new").write_text("half")
    redeem(path, 1)
    assert path.read_text() == "2"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """The file at the end of the link is replaced."""
    path, link = tmp_path / "real", tmp_path / "link"
    path.write_text("1")
    link.symlink_to(path)
    redeem(link, 1)
    assert link.is_symlink()
    assert path.read_text() == "2"


def test_a_byte_order_mark_and_space_around_are_no_part_of_the_token(tmp_path: Path) -> None:
    """Editors add both."""
    path = tmp_path / "refresh-token"
    path.write_bytes(b"\xef\xbb\xbf 7 \r\n")
    redeem(path, 1)
    assert path.read_text() == "8"


def test_when_the_token_was_stored(tmp_path: Path) -> None:
    """The file itself has the time, so it is known after a restart. Without a file it is unknown."""
    path = tmp_path / "refresh-token"
    assert RefreshTokenFile(path, Clock()).issued_at() is None
    path.write_text("1")
    assert RefreshTokenFile(path, Clock()).issued_at() == path.stat().st_mtime
