using ContentSync.AlipayHk;

namespace ContentSync.Tests.AlipayHk;

public sealed class ResultCodesTests
{
    [Theory]
    [InlineData("SUCCESS", "S", AnswerVerdict.Succeeded)]
    [InlineData("DONE_OTHERWISE", "S", AnswerVerdict.Succeeded)]
    [InlineData("PARAM_ILLEGAL", "F", AnswerVerdict.Rejected)]
    [InlineData("CONTENT_RISKY", "F", AnswerVerdict.Rejected)]
    [InlineData("PROCESS_FAIL", "F", AnswerVerdict.Rejected)]
    [InlineData("BIZ_ERROR_NO_RETRY", "F", AnswerVerdict.Rejected)]
    [InlineData("NEVER_HEARD_OF", "F", AnswerVerdict.Rejected)]
    [InlineData("UNKNOWN_EXCEPTION", "F", AnswerVerdict.Retryable)]
    [InlineData("UNKNOWN_EXCEPTION", "U", AnswerVerdict.Retryable)]
    [InlineData("SYSTEM_ERROR", "U", AnswerVerdict.Retryable)]
    [InlineData("SYSTEM_ERROR", "F", AnswerVerdict.Retryable)]
    [InlineData("BIZ_ERROR_NEED_RETRY", "U", AnswerVerdict.Retryable)]
    [InlineData("PARAM_ILLEGAL", "U", AnswerVerdict.Retryable)]
    [InlineData("NEVER_HEARD_OF", "U", AnswerVerdict.Retryable)]
    [InlineData("INVALID_SIGNATURE", "F", AnswerVerdict.ConfigurationFault)]
    [InlineData("SIGNATURE_INVALID", "F", AnswerVerdict.ConfigurationFault)]
    [InlineData("INVALID_CLIENT", "F", AnswerVerdict.ConfigurationFault)]
    [InlineData("INVALID_API", "F", AnswerVerdict.ConfigurationFault)]
    [InlineData("METHOD_NOT_SUPPORTED", "F", AnswerVerdict.ConfigurationFault)]
    [InlineData("MEDIA_TYPE_NOT_ACCEPTABLE", "F", AnswerVerdict.ConfigurationFault)]
    [InlineData("ACCESS_FORBIDDEN", "U", AnswerVerdict.ConfigurationFault)]
    public void Code_decides_before_status(string code, string status, AnswerVerdict verdict) =>
        Assert.Equal(verdict, ResultCodes.Classify(code, status));

    [Theory]
    [InlineData("SUCCESS", "F")]
    [InlineData("SUCCESS", "U")]
    [InlineData("SUCCESS", "A")]
    [InlineData("SUCCESS", "s")]
    [InlineData("SUCCESS", " S")]
    [InlineData("SUCCESS", "SUCCESS")]
    [InlineData("CONTENT_RISKY", "S")]
    [InlineData("UNKNOWN_EXCEPTION", "S")]
    [InlineData("INVALID_SIGNATURE", "S")]
    [InlineData("NEVER_HEARD_OF", "X")]
    public void What_contradicts_itself_is_retried_and_never_a_success(string code, string status) =>
        Assert.Equal(AnswerVerdict.Retryable, ResultCodes.Classify(code, status));

    [Fact]
    public void Codes_are_compared_exactly() => Assert.Equal(AnswerVerdict.Rejected, ResultCodes.Classify("unknown_exception", "F"));
}
