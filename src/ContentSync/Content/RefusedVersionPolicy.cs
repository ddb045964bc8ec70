namespace ContentSync.Content;

/// <summary>What happens to an item that AlipayHK shows when a newer version of it is refused because it is not valid.</summary>
public enum RefusedVersionPolicy
{
    /// <summary>AlipayHK keeps showing the older version; the item is reported as stale.</summary>
    Keep = 0,

    /// <summary>The item is delisted until a valid version comes; it is reported as stale, too.</summary>
    Delist = 1,
}
