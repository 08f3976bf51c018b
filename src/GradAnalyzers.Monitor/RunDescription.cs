namespace GradAnalyzers.Monitor;

/// <summary>What the report and the summary say about a run, beside what was measured. All of it is optional.</summary>
public sealed record RunDescription
{
    /// <summary>A name, such as <c>baseline, seed 3</c>.</summary>
    public string? Name { get; init; }

    /// <summary>The optimizer in words; by default that of <see cref="GradientMonitor.WatchOptimizer"/>.</summary>
    public string? Optimizer { get; init; }

    /// <summary>The learning rate; by default that of <see cref="GradientMonitor.WatchOptimizer"/> when the report is written.</summary>
    public double? LearningRate { get; init; }

    /// <summary>Anything else worth keeping, such as the commit or the batch size.</summary>
    public IReadOnlyDictionary<string, string> Notes { get; init; } = new Dictionary<string, string>();
}
