using System.Text.Json.Nodes;

namespace ContentSync.Tests.Infra.Rules;

/// <summary>One outbound address, and no unnecessary inbound access.</summary>
internal static class NetworkRules
{
    private const string Networks = "Microsoft.Network/virtualNetworks";
    private const string Gateways = "Microsoft.Network/natGateways";
    private const string Addresses = "Microsoft.Network/publicIPAddresses";
    private const string Endpoints = "Microsoft.Network/privateEndpoints";
    private const string ZoneGroups = "Microsoft.Network/privateEndpoints/privateDnsZoneGroups";
    private const string Zones = "Microsoft.Network/privateDnsZones";
    private const string Links = "Microsoft.Network/privateDnsZones/virtualNetworkLinks";
    private const string Namespaces = "Microsoft.ServiceBus/namespaces";
    private const string RuleSets = "Microsoft.ServiceBus/namespaces/networkRuleSets";
    private const string Functions = "properties.subnets.0";

    /// <summary>Services that private endpoints give access to.</summary>
    private static readonly string[] s_data = ["Microsoft.Storage/storageAccounts", Namespaces, "Microsoft.KeyVault/vaults"];

    /// <summary>Operator addresses in the fixture's environment.</summary>
    private static readonly string[] s_operators = ["203.0.113.7", "198.51.100.0/28"];

    /// <summary>The private DNS zone of each service: https://learn.microsoft.com/azure/private-link/private-endpoint-dns</summary>
    private static readonly Dictionary<string, string> s_zones = new()
    {
        ["blob"] = "privatelink.blob.",
        ["table"] = "privatelink.table.",
        ["namespace"] = "privatelink.servicebus.windows.net",
        ["vault"] = "privatelink.vaultcore.azure.net",
        ["sites"] = "privatelink.azurewebsites.net",
    };

    public static IReadOnlyList<PolicyRule> All { get; } =
    [
        new("one-static-address", "There is one static public address of the Standard tier.",
            OneStaticAddress, Demand.Set(Addresses, "properties.publicIPAllocationMethod", "Dynamic")),
        new("nat-on-the-apps-subnet", "The app's subnet uses the NAT gateway, and the gateway has the static address.",
            NatOnTheAppsSubnet, Demand.Set(Networks, $"{Functions}.properties.natGateway", null)),
        new("nat-not-standard-v2", "The NAT gateway is not StandardV2, which a subnet delegated to Microsoft.App/environments does not support.",
            infrastructure => Demand.Each(infrastructure, Gateways, "sku.name", "Standard"),
            Demand.Set(Gateways, "sku.name", "StandardV2")),
        new("subnet-delegated", "The app's subnet is delegated to Flex Consumption.",
            infrastructure => Demand.Each(infrastructure, Networks, $"{Functions}.properties.delegations.0.properties.serviceName", "Microsoft.App/environments"),
            Demand.Set(Networks, $"{Functions}.properties.delegations.0.properties.serviceName", "Microsoft.Web/serverFarms")),
        new("subnets-large-enough", "A subnet has at least the 32 addresses that Flex Consumption requires.",
            SubnetsLargeEnough, Demand.Set(Networks, $"{Functions}.properties.addressPrefix", "10.80.0.0/28")),
        new("no-default-outbound", "No subnet has Azure's default outbound access, whose address changes.",
            NoDefaultOutbound, Demand.Set(Networks, "properties.subnets.1.properties.defaultOutboundAccess", true)),
        new("subnets-guarded", "Every subnet has a security group.",
            SubnetsGuarded, Demand.Set(Networks, $"{Functions}.properties.networkSecurityGroup", null)),
        new("nothing-in-from-internet", "The security group allows no inbound traffic from the internet.",
            NothingInFromInternet, Demand.Set("Microsoft.Network/networkSecurityGroups", "properties.securityRules.0.properties.access", "Allow")),
        new("closed-to-all-but-operators", "With private data, the firewall of each service denies everyone but the operators.",
            ClosedToAllButOperators, Demand.Set("Microsoft.KeyVault/vaults", "properties.networkAcls.defaultAction", "Allow", production: true)),
        new("operators-pass-every-firewall", "The operators pass the firewall of every vault, the data account and Service Bus.",
            ClosedToAllButOperators, infrastructure =>
                infrastructure.Production.Of("Microsoft.KeyVault/vaults").Last()["properties.networkAcls.ipRules"] = new JsonArray()),
        new("service-bus-refuses-others", "Only the operators pass the firewall of Service Bus.",
            ClosedToAllButOperators, infrastructure =>
                infrastructure.Production.The(RuleSets)["properties.ipRules"]!.AsArray()
                .Add(new JsonObject { ["action"] = "Allow", ["ipMask"] = "0.0.0.0/1" })),
        new("host-account-closed", "With private data, the storage account of the Functions host is reachable only through its private endpoint.",
            HostAccountClosed, infrastructure =>
                infrastructure.Production.Of("Microsoft.Storage/storageAccounts")
                .Single(one => one.Name.StartsWith("csynchost", StringComparison.Ordinal))["properties.publicNetworkAccess"] = "Enabled"),
        new("app-open-to-callers", "Callers reach a public app even if the services behind it are private.",
            infrastructure => Demand.Each(infrastructure, "Microsoft.Web/sites", "properties.publicNetworkAccess", "Enabled"),
            Demand.Set("Microsoft.Web/sites", "properties.publicNetworkAccess", "Disabled", production: true)),
        new("only-operators-publish", "Only the operators reach the publishing endpoint.",
            OnlyOperatorsPublish,
                Demand.Set("Microsoft.Web/sites", "properties.siteConfig.scmIpSecurityRestrictionsDefaultAction", "Allow", production: true)),
        new("endpoint-for-each", "With private endpoints enabled, every closed service has one.",
            EndpointForEach, Demand.Remove(Endpoints, production: true)),
        new("endpoint-for-the-ledger", "With private endpoints enabled, the data account has one for tables and one for blobs.",
            EndpointForTheLedger, infrastructure => infrastructure.Production.The(Endpoints, "data-table")["properties.privateLinkServiceConnections.0.properties.groupIds.0"] = "queue"),
        new("endpoints-have-names", "Every endpoint has exactly one zone group, so that its name resolves.",
            EndpointsHaveNames, Demand.Remove(ZoneGroups, production: true)),
        new("endpoint-in-the-zone-of-its-service", "An endpoint is registered in the zone of its service.",
            EndpointsHaveNames, infrastructure =>
                infrastructure.Production.The(ZoneGroups, "-vault-3/default")["properties.privateDnsZoneConfigs.0.properties.privateDnsZoneId"] =
                infrastructure.Production.The(ZoneGroups,
                    "-data-blob/default")["properties.privateDnsZoneConfigs.0.properties.privateDnsZoneId"]!.DeepClone()),
        new("no-endpoint-in-two-zones", "An endpoint is registered in no other zone.",
            EndpointsHaveNames, infrastructure =>
                infrastructure.Production.The(ZoneGroups, "-host-blob/default")["properties.privateDnsZoneConfigs"]!.AsArray().Add(
                infrastructure.Production.The(ZoneGroups, "-data-table/default")["properties.privateDnsZoneConfigs.0"]!.DeepClone())),
        new("zones-linked", "Every DNS zone is linked to the network, without registration.",
            ZonesLinked, Demand.Remove(Links, production: true)),
        new("premium-when-private", "Service Bus is Premium if it has a private endpoint, which Standard does not support.",
            infrastructure => Demand.Each(infrastructure.Production.Of(Namespaces), Namespaces, "sku.name", text => text == "Premium", "Premium"),
            Demand.Set(Namespaces, "sku.name", "Standard", production: true)),
        new("standard-when-public", "Service Bus is Standard if it has no private endpoint.",
            infrastructure => Demand.Each(infrastructure.Small.Of(Namespaces), Namespaces, "sku.name", text => text == "Standard", "Standard"),
            Demand.Set(Namespaces, "sku.name", "Premium")),
        new("no-endpoints-unless-asked", "Without private endpoints enabled there are no endpoints and no zones.",
            infrastructure => infrastructure.Small.Resources.Where(one => one.Type is Endpoints or Zones).Select(one => one.ToString()),
            infrastructure => infrastructure.Small.List.Add(infrastructure.Production.Of(Endpoints).First().Node.DeepClone())),
        new("zone-redundant-when-asked", "With zone redundancy, plan, storage, queues and address are zone-redundant.",
            ZoneRedundantWhenAsked, Demand.Set("Microsoft.Storage/storageAccounts", "sku.name", "Standard_LRS", production: true)),
        new("two-ready-in-zones", "With zone redundancy, a scale group has either no always-ready instances or at least two.",
            TwoReadyInZones, Demand.Set("Microsoft.Web/sites", "properties.functionAppConfig.scaleAndConcurrency.alwaysReady.0.instanceCount", 1, production: true)),
    ];

    private static IEnumerable<string> OneStaticAddress(Infrastructure infrastructure) =>
    [
        .. from effect in infrastructure.Effects where effect.Of(Addresses).Count() != 1 select $"{effect.Name} has {effect.Of(Addresses).Count()} addresses.",
        .. Demand.Each(infrastructure, Addresses, "properties.publicIPAllocationMethod", "Static"),
        .. Demand.Each(infrastructure, Addresses, "sku.name", "Standard"),
    ];

    private static IEnumerable<string> NatOnTheAppsSubnet(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let gateway = effect.The(Gateways)
        let subnet = effect.The(Networks)
        where subnet.Text($"{Functions}.name") != "functions"
            || subnet.Text($"{Functions}.properties.natGateway.id") != gateway.Id
            || gateway.Text("properties.publicIpAddresses.0.id") != effect.The(Addresses).Id
        select $"{effect.Name}: the app's subnet does not use {gateway.Name}.";

    private static IEnumerable<(Resource Network, JsonNode Subnet)> Subnets(Infrastructure infrastructure) =>
        from network in infrastructure.Of(Networks)
        from subnet in network.Items("properties.subnets")
        select (network, subnet);

    private static IEnumerable<string> SubnetsLargeEnough(Infrastructure infrastructure) =>
        from one in Subnets(infrastructure)
        let prefix = (string?)one.Subnet["properties"]?["addressPrefix"]
        where prefix is null || int.Parse(prefix[(prefix.IndexOf('/') + 1)..], System.Globalization.CultureInfo.InvariantCulture) > 27
        select $"{one.Network}: subnet {one.Subnet["name"]} is {prefix}.";

    private static IEnumerable<string> NoDefaultOutbound(Infrastructure infrastructure) =>
        from one in Subnets(infrastructure)
        where (bool?)one.Subnet["properties"]?["defaultOutboundAccess"] != false
        select $"{one.Network}: subnet {one.Subnet["name"]} has default outbound access.";

    private static IEnumerable<string> SubnetsGuarded(Infrastructure infrastructure) =>
        from one in Subnets(infrastructure)
        where one.Subnet["properties"]?["networkSecurityGroup"]?["id"] is null
        select $"{one.Network}: subnet {one.Subnet["name"]} has no security group.";

    private static IEnumerable<string> NothingInFromInternet(Infrastructure infrastructure) =>
        from guard in infrastructure.Of("Microsoft.Network/networkSecurityGroups")
        let rules = guard.Items("properties.securityRules").Select(rule => rule["properties"]!).Where(rule => (string?)rule["direction"] == "Inbound").ToArray()
        where rules.Any(rule => (string?)rule["access"] == "Allow")
            || !rules.Any(rule => (string?)rule["sourceAddressPrefix"] == "Internet" && (string?)rule["destinationPortRange"] == "*" && (string?)rule["protocol"] == "*")
        select $"{guard} allows inbound traffic.";

    private static IEnumerable<string> ClosedToAllButOperators(Infrastructure infrastructure) =>
        from firewall in infrastructure.Production.Of("Microsoft.KeyVault/vaults")
            .Select(vault => (At: vault, Acls: "properties.networkAcls", Address: "value"))
            .Concat(infrastructure.Production.Of("Microsoft.Storage/storageAccounts")
                .Where(one => one.Name.StartsWith("csyncdata", StringComparison.Ordinal))
                .Select(account => (At: account, Acls: "properties.networkAcls", Address: "value")))
            .Append((At: infrastructure.Production.The(RuleSets), Acls: "properties", Address: "ipMask"))
        let addresses = firewall.At.Items($"{firewall.Acls}.ipRules").Select(one => (string?)one[firewall.Address]).ToArray()
        where firewall.At.Text($"{firewall.Acls}.defaultAction") != "Deny" || !addresses.SequenceEqual(s_operators)
        select $"{firewall.At}: {firewall.At.Text($"{firewall.Acls}.defaultAction")} by default, {string.Join(", ", addresses)} allowed.";

    private static IEnumerable<string> HostAccountClosed(Infrastructure infrastructure) =>
        from account in infrastructure.Production.Of("Microsoft.Storage/storageAccounts")
        where account.Name.StartsWith("csynchost", StringComparison.Ordinal) && account.Text("properties.publicNetworkAccess") != "Disabled"
        select $"{account} is publicly reachable.";

    private static IEnumerable<string> OnlyOperatorsPublish(Infrastructure infrastructure) =>
        from app in infrastructure.Of("Microsoft.Web/sites")
        let addresses = app.Items("properties.siteConfig.scmIpSecurityRestrictions").Select(one => (string?)one["ipAddress"]).ToArray()
        where app.Text("properties.siteConfig.scmIpSecurityRestrictionsDefaultAction") != "Deny"
            || app.Text("properties.siteConfig.scmIpSecurityRestrictionsUseMain") != "false"
            || !addresses.SequenceEqual(s_operators.Select(one => one.Contains('/', StringComparison.Ordinal) ? one : one + "/32"))
        select $"{app}: {string.Join(", ", addresses)} may publish.";

    private static IEnumerable<string> EndpointForEach(Infrastructure infrastructure) =>
        from type in s_data
        from resource in infrastructure.Production.Of(type)
        where !infrastructure.Production.Of(Endpoints).Any(endpoint => endpoint.Text("properties.privateLinkServiceConnections.0.properties.privateLinkServiceId") == resource.Id)
        select $"{resource} has no private endpoint.";

    private static IEnumerable<string> EndpointForTheLedger(Infrastructure infrastructure) =>
        from service in new[] { "blob", "table" }
        where !infrastructure.Production.Of(Endpoints).Any(endpoint =>
            endpoint.Text("properties.privateLinkServiceConnections.0.properties.groupIds.0") == service
            && endpoint.Text("properties.privateLinkServiceConnections.0.properties.privateLinkServiceId")!.Contains("/csyncdata", StringComparison.Ordinal))
        select $"The data account has no private endpoint for its {service} service.";

    private static IEnumerable<string> EndpointsHaveNames(Infrastructure infrastructure) =>
        from endpoint in infrastructure.Production.Of(Endpoints)
        let service = endpoint.Text("properties.privateLinkServiceConnections.0.properties.groupIds.0") ?? ""
        let zones = infrastructure.Production.Of(ZoneGroups)
            .Where(one => one.Name == $"{endpoint.Name}/default")
            .SelectMany(one => one.Items("properties.privateDnsZoneConfigs"))
            .Select(config => (string?)config["properties"]?["privateDnsZoneId"] ?? "")
            .ToArray()
        where zones.Length != 1 || !s_zones.TryGetValue(service, out var zone) || !zones[0].Contains(zone, StringComparison.Ordinal)
            || !infrastructure.Production.Of(Zones).Any(one => Bare(one.Name) == zone)
        select $"{endpoint} for {service} is registered in {(zones.Length == 0 ? "no zone" : string.Join(", ", zones))}.";

    private static IEnumerable<string> ZonesLinked(Infrastructure infrastructure) =>
        from zone in infrastructure.Production.Of(Zones)
        where !infrastructure.Production.Of(Links).Any(link =>
            link.Name.Contains(Bare(zone.Name), StringComparison.Ordinal)
            && link.Text("properties.registrationEnabled") == "false"
            && link.Text("properties.virtualNetwork.id") == infrastructure.Production.The(Networks).Id)
        select $"{zone} is not linked.";

    private static IEnumerable<string> ZoneRedundantWhenAsked(Infrastructure infrastructure)
    {
        var effect = infrastructure.Production;
        return
        [
            .. Demand.Each(effect.Of("Microsoft.Web/serverfarms"), "plan", "properties.zoneRedundant", text => text == "true", "true"),
            .. Demand.Each(effect.Of("Microsoft.Storage/storageAccounts"), "account", "sku.name", text => text == "Standard_ZRS", "Standard_ZRS"),
            .. Demand.Each(effect.Of(Namespaces), "namespace", "properties.zoneRedundant", text => text == "true", "true"),
            .. Demand.Each(effect.Of(Addresses), "address", "zones", text => text == """["1","2","3"]""", "three zones"),
        ];
    }

    private static IEnumerable<string> TwoReadyInZones(Infrastructure infrastructure) =>
        from app in infrastructure.Production.Of("Microsoft.Web/sites")
        from item in app.Items("properties.functionAppConfig.scaleAndConcurrency.alwaysReady")
        where (int)item["instanceCount"]! < 2
        select $"{app} keeps {item["instanceCount"]} instance of {item["name"]} ready.";

    /// <summary>A zone's name without the suffix that depends on the cloud.</summary>
    private static string Bare(string name)
    {
        var from = name.IndexOf("privatelink.", StringComparison.Ordinal);
        var to = name.IndexOf('{', from);
        return to < 0 ? name[from..] : name[from..to];
    }
}
