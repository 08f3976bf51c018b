namespace GradAnalyzers.Monitor;

/// <summary>What the observations so far say about a parameter, or about the whole model.</summary>
public enum GradientVerdict
{
    /// <summary>Not observed often enough to say.</summary>
    Unknown,

    /// <summary>Nothing was found.</summary>
    Healthy,

    /// <summary>The gradient is too small to train the parameter.</summary>
    Vanishing,

    /// <summary>The gradient is so large, or grows so fast, that training diverges.</summary>
    Exploding,

    /// <summary>The gradient held NaN or infinity.</summary>
    NonFinite,

    /// <summary>Most of the units get no gradient at all.</summary>
    Dead,

    /// <summary>All units of the layer get the same gradient: they stay one unit.</summary>
    Identical,

    /// <summary>Backward leaves no gradient: unused, detached, or in no graph.</summary>
    NoGradient,

    /// <summary>It has a gradient, and no optimizer changes it.</summary>
    NeverUpdated,

    /// <summary>Its gradient is never cleared: it adds up from step to step.</summary>
    NeverCleared,

    /// <summary>Steps change it by far too much or too little for its size.</summary>
    UpdateSize,

    /// <summary><c>requires_grad</c> is false: nothing is expected of it.</summary>
    Frozen,
}
