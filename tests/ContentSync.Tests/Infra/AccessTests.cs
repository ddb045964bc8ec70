namespace ContentSync.Tests.Infra;

/// <summary>Separate parameters control access to the data, access for callers and access for operators.</summary>
[Collection(InfrastructureTests.Name)]
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class AccessTests(InfrastructureFixture fixture)
{
    private const string Sites = "Microsoft.Web/sites";
    private const string Zones = "Microsoft.Network/privateDnsZones";
    private const string ZoneGroups = "Microsoft.Network/privateEndpoints/privateDnsZoneGroups";

    [BicepFact]
    public async Task Without_ingress_and_operators_everything_is_closed_and_the_app_has_an_endpoint()
    {
        var closed =
            (await fixture.WithAsync(("access", "{ privateData: true, publicIngress: false, callerAddresses: [], operatorAddresses: [] }"))).Small;

        Assert.Equal("Disabled", closed.The(Sites).Text("properties.publicNetworkAccess"));
        Assert.Equal("Deny", closed.The(Sites).Text("properties.siteConfig.scmIpSecurityRestrictionsDefaultAction"));
        Assert.Equal("Disabled", closed.The("Microsoft.KeyVault/vaults").Text("properties.publicNetworkAccess"));
        Assert.Equal("Disabled", closed.The("Microsoft.ServiceBus/namespaces").Text("properties.publicNetworkAccess"));
        Assert.Contains(closed.Of("Microsoft.Network/privateEndpoints"), endpoint => endpoint.Name.EndsWith("-pe-app", StringComparison.Ordinal));
        Assert.Contains(closed.Of(Zones), zone => zone.Name == "privatelink.azurewebsites.net");
    }

    [BicepFact]
    public async Task With_a_list_of_callers_only_they_and_the_operators_reach_the_app()
    {
        var listed =
            (await fixture.WithAsync(("access",
            "{ privateData: false, publicIngress: true, callerAddresses: ['192.0.2.0/24'], operatorAddresses: ['203.0.113.7'] }"))).Small;

        Assert.Equal("Deny", listed.The(Sites).Text("properties.siteConfig.ipSecurityRestrictionsDefaultAction"));
        Assert.Equal(
            ["192.0.2.0/24", "203.0.113.7/32"],
            listed.The(Sites).Items("properties.siteConfig.ipSecurityRestrictions").Select(one => (string?)one["ipAddress"]));
    }

    [BicepFact]
    public void Without_a_list_of_callers_everyone_reaches_the_public_app() =>
        Assert.All(fixture.Infrastructure.Of(Sites), app => Assert.Equal(
            ("Allow", 0),
                (app.Text("properties.siteConfig.ipSecurityRestrictionsDefaultAction"), app.Items("properties.siteConfig.ipSecurityRestrictions")
                .Count())));

    [BicepFact]
    public async Task Existing_zones_are_used_instead_of_new_ones()
    {
        const string Group = "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/rg-hub-dns";
        var access = $"{{ privateData: true, publicIngress: true, callerAddresses: [], operatorAddresses: [], dnsZonesGroupId: '{Group}' }}";
        var shared = (await fixture.WithAsync(("access", access))).Small;

        Assert.Empty(shared.Of(Zones));
        Assert.Empty(shared.Of("Microsoft.Network/privateDnsZones/virtualNetworkLinks"));
        Assert.NotEmpty(shared.Of(ZoneGroups));
        Assert.All(shared.Of(ZoneGroups), group => Assert.Contains(
            "rg-hub-dns", group.Text("properties.privateDnsZoneConfigs.0.properties.privateDnsZoneId"), StringComparison.Ordinal));
    }

    [BicepFact]
    public async Task Vaults_of_a_new_generation_have_new_names()
    {
        var again =
            (await fixture.WithAsync(("signing",
            InfrastructureFixture.Signing.Replace("vaultGeneration: 1", "vaultGeneration: 2", StringComparison.Ordinal)))).Small;
        var first = (await fixture.WithAsync()).Small;

        Assert.NotEqual(first.The("Microsoft.KeyVault/vaults").Name, again.The("Microsoft.KeyVault/vaults").Name);
        Assert.Equal("2", again.The("Microsoft.KeyVault/vaults").Text("tags.generation"));
        Assert.Equal(first.The(Sites).Name, again.The(Sites).Name);
    }
}
