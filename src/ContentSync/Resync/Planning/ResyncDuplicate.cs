namespace ContentSync.Resync;

/// <summary>An item that a catalog holds more than once. At most one of the places is sent.</summary>
/// <param name="ContentId">The item.</param>
/// <param name="Places">All places where it stands, in order: <c>line 7</c>, or <c>line 7, element 2</c>.</param>
/// <param name="Kept">The place that counts: the newest version; of equal versions, the last.</param>
/// <param name="Differs">Whether the places hold different contents.</param>
public sealed record ResyncDuplicate(string ContentId, IReadOnlyList<string> Places, string Kept, bool Differs);
