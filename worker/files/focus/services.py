"""Which service a meter category belongs to, and the category of the service. Our own selection.

The categories are those of FOCUS 1.2. A meter category that is not here is a service of its own in the category Other.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Service(NamedTuple):
    """A service as FOCUS describes it."""

    name: str
    category: str
    subcategory: str


_TABLE = """
Compute | Virtual Machines: Virtual Machines, Virtual Machines Licenses, Virtual Machine Licenses, Cloud Services,
 Azure VMware Solution, Specialized Compute, Azure Dedicated Host, SAP HANA on Azure Large Instances, Nutanix on Azure
Compute | Containers: Azure Kubernetes Service, Container Instances, Container Registry, Azure Container Apps,
 Azure Red Hat OpenShift, Service Fabric Mesh, Azure Spring Cloud, Azure Spring Apps, Kubernetes Service
Compute | Serverless Compute: Functions, Azure Functions
Compute | End User Computing: Windows Virtual Desktop, Azure Virtual Desktop, Windows 365, Microsoft Dev Box
Compute | Quantum Compute: Azure Quantum
Compute | Other (Compute): Azure App Service, Batch, Azure Stack HCI, Azure Stack Hub, Azure Arc Enabled Servers,
 Azure Local, HPC Cache, Azure Lab Services
Storage | Storage Platforms: Storage, Azure NetApp Files, Azure Managed Lustre, Azure Elastic SAN, Azure HPC Cache
Storage | Block Storage: Managed Disks, Ultra Disks
Storage | Backup Storage: Backup, Azure Backup
Storage | Other (Storage): Data Box, Azure Data Box, StorSimple, Storage Mover, Data Share
Networking | Network Connectivity: ExpressRoute, VPN Gateway, Virtual WAN, Virtual Network, Azure Peering Service,
 Network Gateway, Azure Virtual Network Manager
Networking | Network Infrastructure: Bandwidth, NAT Gateway, Load Balancer, Azure Private 5G Core, IP Addresses,
 Azure Programmable Connectivity
Networking | Application Networking: Application Gateway, Azure Front Door Service, Azure Front Door, Traffic Manager
Networking | Content Delivery: Content Delivery Network
Networking | Network Routing: Azure DNS, Azure Route Server, DNS
Networking | Network Security: Azure Firewall, Azure DDOS Protection, Azure Firewall Manager, Azure Bastion,
 Web Application Firewall
Networking | Other (Networking): Network Watcher, Azure Orbital, Private Link, Azure Private Link
Databases | Relational Databases: SQL Database, SQL Managed Instance, Azure Database for MySQL,
 Azure Database for PostgreSQL, Azure Database for MariaDB, SQL Server Stretch Database, Azure Arc Enabled Databases,
 SQL Server on Azure Virtual Machines
Databases | NoSQL Databases: Azure Cosmos DB, Azure Managed Instance for Apache Cassandra
Databases | Caching: Redis Cache, Azure Cache for Redis, Azure Managed Redis
Databases | Data Warehouses: SQL Data Warehouse, Azure Synapse Dedicated SQL Pool
Analytics | Analytics Platforms: Azure Databricks, HDInsight, Azure Synapse Analytics, Microsoft Fabric,
 Data Lake Analytics, Azure Data Explorer
Analytics | Business Intelligence: Power BI Embedded, Power BI, Azure Analysis Services
Analytics | Data Processing: Azure Data Factory, Azure Data Factory v2, Data Lake Store
Analytics | Streaming Analytics: Stream Analytics, Event Hubs
Analytics | Search: Azure Cognitive Search, Azure AI Search, Azure Search
Analytics | Other (Analytics): Azure Purview, Microsoft Purview, Azure Data Catalog, Azure Time Series Insights
AI and Machine Learning | AI Platforms: Cognitive Services, Azure AI services, Azure AI Foundry, Foundry Models,
 Azure Applied AI Services
AI and Machine Learning | Generative AI: Azure OpenAI, Azure OpenAI Service
AI and Machine Learning | Machine Learning: Machine Learning Studio, Azure Machine Learning
AI and Machine Learning | Bots: Azure Bot Service, Azure AI Bot Service, Health Bot
Integration | Messaging: Service Bus, Event Grid, Notification Hubs, Azure Relay, SignalR, Azure SignalR Service,
 Azure Web PubSub, Azure Communication Services, Email, Phone Numbers, SMS, Voice, Messaging
Integration | API Management: API Management, Azure API Center
Integration | Workflow Orchestration: Logic Apps
Management and Governance | Observability: Azure Monitor, Log Analytics, Application Insights, Azure Managed Grafana,
 Insight and Analytics, Azure Grafana Service
Management and Governance | Disaster Recovery: Azure Site Recovery, Site Recovery
Management and Governance | Support: Support, Azure Support
Management and Governance | Endpoint Management: Azure Update Manager, Intune
Management and Governance | Other (Management and Governance): Automation, Azure Policy, Azure Resource Manager,
 Scheduler, Azure Automanage, Azure Chaos Studio, Azure Load Testing, Azure App Configuration, App Configuration
Security | Threat Detection and Response: Sentinel, Microsoft Sentinel, Microsoft Defender for Cloud,
 Advanced Threat Protection, Security Center, Azure Defender, Microsoft Copilot for Security
Security | Secret Management: Key Vault, Azure Dedicated HSM, Azure Managed HSM, Managed HSM Pools
Security | Security Posture Management: Azure Attestation, Defender External Attack Surface Management
Security | Other (Security): Azure Information Protection, Microsoft Azure Confidential Ledger
Identity | Identity and Access Management: Azure Active Directory B2C, Azure Active Directory for External Identities,
 Azure Active Directory Domain Services, Microsoft Entra, Microsoft Entra ID, Microsoft Entra External ID,
 Microsoft Entra Domain Services, Multi-Factor Authentication
Developer Tools | Developer Platforms: Azure DevOps, GitHub, Visual Studio Online, Visual Studio Codespace
Developer Tools | Development Environments: Visual Studio Subscription, Visual Studio, Azure DevTest Labs
Developer Tools | Source Code Management: GitHub Enterprise, GitHub Copilot
Internet of Things | IoT Platforms: IoT Hub, IoT Central, Azure IoT Central, Azure Digital Twins, Azure IoT Edge,
 Windows 10 IoT Core Services, Azure Sphere, Azure Maps, Digital Twins
Media | Media Streaming: Media Services, Azure Media Services, Azure Video Indexer
Mobile | Other (Mobile): Mobile Engagement, Visual Studio App Center, App Center
Web | Application Platforms: Static Web Apps, Azure Static Web Apps, Azure Fluid Relay
Migration | Resource Migration: Azure Migrate, Azure Database Migration Service, Azure Resource Mover
Multicloud | Multicloud Integration: Azure Arc, Azure Arc Enabled Kubernetes
Business Applications | Productivity and Collaboration: Office 365, Microsoft 365, Power Apps, Power Automate,
 Dynamics 365, SharePoint, Microsoft Teams, Microsoft Copilot Studio, Microsoft Syntex, Syntex
"""


def _read(table: str) -> dict[str, Service]:
    services = {}
    for line in table.replace(",\n", ",").strip().splitlines():
        place, _, names = line.partition(":")
        category, _, subcategory = place.partition("|")
        for name in names.split(","):
            services[name.strip().lower()] = Service(name.strip(), category.strip(), subcategory.strip())
    return services


SERVICES: Mapping[str, Service] = _read(_TABLE)
OTHER = "Other"


def service_of(category: str | None, otherwise: str | None = None) -> Service:
    """The service of a meter category. An unknown one is a service of its own; without one, `otherwise` is the name."""
    name = (category or "").strip() or (otherwise or "").strip() or OTHER
    return SERVICES.get(name.lower(), Service(name, OTHER, "Other (Other)"))
