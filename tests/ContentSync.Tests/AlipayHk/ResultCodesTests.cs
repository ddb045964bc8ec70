using ContentSync.AlipayHk;

namespace ContentSync.Tests.AlipayHk;

public sealed class ResultCodesTests
{
    [Theory]
    [InlineData("SUCCESS", "S", SynchronizeResultKind.Succeeded)]
    [InlineData("PARAM_ILLEGAL", "F", SynchronizeResultKind.Rejected)]
    [InlineData("CONTENT_RISKY", "F", SynchronizeResultKind.Rejected)]
    [InlineData("PROCESS_FAIL", "F", SynchronizeResultKind.Rejected)]
    [InlineData("BIZ_ERROR_NO_RETRY", "F", SynchronizeResultKind.Rejected)]
    [InlineData("NEVER_HEARD_OF", "F", SynchronizeResultKind.Rejected)]
    [InlineData("UNKNOWN_EXCEPTION", "F", SynchronizeResultKind.Retryable)]
    [InlineData("UNKNOWN_EXCEPTION", "U", SynchronizeResultKind.Retryable)]
    [InlineData("SYSTEM_ERROR", "U", SynchronizeResultKind.Retryable)]
    [InlineData("SYSTEM_ERROR", "F", SynchronizeResultKind.Retryable)]
    [InlineData("BIZ_ERROR_NEED_RETRY", "U", SynchronizeResultKind.Retryable)]
    [InlineData("PARAM_ILLEGAL", "U", SynchronizeResultKind.Retryable)]
    [InlineData("NEVER_HEARD_OF", "U", SynchronizeResultKind.Retryable)]
    [InlineData("INVALID_SIGNATURE", "F", SynchronizeResultKind.ConfigurationFault)]
    [InlineData("SIGNATURE_INVALID", "F", SynchronizeResultKind.ConfigurationFault)]
    [InlineData("INVALID_CLIENT", "F", SynchronizeResultKind.ConfigurationFault)]
    [InlineData("INVALID_API", "F", SynchronizeResultKind.ConfigurationFault)]
    [InlineData("METHOD_NOT_SUPPORTED", "F", SynchronizeResultKind.ConfigurationFault)]
    [InlineData("MEDIA_TYPE_NOT_ACCEPTABLE", "F", SynchronizeResultKind.ConfigurationFault)]
    [InlineData("ACCESS_FORBIDDEN", "U", SynchronizeResultKind.ConfigurationFault)]
    public void The_code_takes_precedence_over_the_status(string code, string status, SynchronizeResultKind kind) =>
        Assert.Equal(kind, ResultCodes.Classify(code, status));

    [Theory]
    [InlineData("SUCCESS", "F")]
    [InlineData("SUCCESS", "U")]
    [InlineData("SUCCESS", "A")]
    [InlineData("SUCCESS", "s")]
    [InlineData("SUCCESS", " S")]
    [InlineData("SUCCESS", "SUCCESS")]
    [InlineData("DONE_OTHERWISE", "S")]
    [InlineData("success", "S")]
    [InlineData("CONTENT_RISKY", "S")]
    [InlineData("UNKNOWN_EXCEPTION", "S")]
    [InlineData("INVALID_SIGNATURE", "S")]
    [InlineData("NEVER_HEARD_OF", "X")]
    public void A_contradictory_result_is_retried_and_never_a_success(string code, string status) =>
        Assert.Equal(SynchronizeResultKind.Retryable, ResultCodes.Classify(code, status));

    [Fact]
    public void Compares_codes_exactly() =>
        Assert.Equal(SynchronizeResultKind.Rejected, ResultCodes.Classify("unknown_exception", "F"));
}
