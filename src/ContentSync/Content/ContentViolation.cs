namespace ContentSync.Content;

/// <summary>A violation of an item's rules.</summary>
/// <param name="Pointer">
/// RFC 6901 JSON pointer to the value; empty for the whole document. Pointers into contentInfo continue after <c>/contentInfo</c>, even
/// if contentInfo is a string.
/// </param>
/// <param name="Code">One of <see cref="ViolationCodes"/>.</param>
/// <param name="Message">One sentence: what is wrong, and what is valid, with the limit if there is one.</param>
public sealed record ContentViolation(string Pointer, string Code, string Message);
