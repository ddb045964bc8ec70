namespace ContentSync.Content;

/// <summary>One thing wrong with a content.</summary>
/// <param name="Pointer">RFC 6901 JSON pointer to the value, empty for the whole document. A pointer into contentInfo goes on behind <c>/contentInfo</c>, also where contentInfo came as a string.</param>
/// <param name="Code">Stable, kebab-case.</param>
/// <param name="Message">One sentence: what is wrong and what would be right, with the limit where there is one.</param>
public sealed record ContentViolation(string Pointer, string Code, string Message);
