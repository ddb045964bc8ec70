using Azure.Messaging.ServiceBus;
using ContentSync.Functions;

namespace ContentSync.Tests.Functions;

public sealed class ServiceBusFaultSentenceTests
{
    public static TheoryData<ServiceBusFailureReason> Reasons => [.. Enum.GetValues<ServiceBusFailureReason>()];

    [Theory]
    [MemberData(nameof(Reasons))]
    public void A_fault_of_the_broker_is_a_sentence_without_the_clients_words(ServiceBusFailureReason reason)
    {
        var fault = new ServiceBusException("The link 'G1:42' in System.Net was detached.", reason);
        Assert.True(ServiceBusFault.IsBroker(fault));
        var sentence = ServiceBusFault.Sentence(fault);
        Assert.EndsWith(".", sentence, StringComparison.Ordinal);
        Assert.DoesNotContain("G1:42", sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_refused_identity_names_the_roles_that_it_needs()
    {
        Assert.Contains("Data Receiver", ServiceBusFault.Sentence(new UnauthorizedAccessException("token")), StringComparison.Ordinal);
        Assert.False(ServiceBusFault.IsBroker(new InvalidOperationException()));
    }
}
