using System.Collections.Immutable;

namespace GradAnalyzers.TrainingLoops;

/// <summary>Which modules' parameters an expression gives.</summary>
/// <param name="Modules">The modules that the parameters belong to.</param>
/// <param name="IsComplete">Nothing else can be in it: every source of parameters was understood.</param>
/// <param name="IsFiltered">Only some parameters of the modules may be in it.</param>
internal sealed record ParameterSet(ImmutableArray<Value> Modules, bool IsComplete, bool IsFiltered)
{
    public static ParameterSet Nothing { get; } = new(ImmutableArray<Value>.Empty, IsComplete: true, IsFiltered: false);

    public static ParameterSet Anything { get; } = new(ImmutableArray<Value>.Empty, IsComplete: false, IsFiltered: true);

    public static ParameterSet Of(IEnumerable<Value> modules) => new(modules.Distinct().ToImmutableArray(), IsComplete: true, IsFiltered: false);

    public ParameterSet Union(ParameterSet other) =>
        new(Modules.Union(other.Modules).ToImmutableArray(), IsComplete && other.IsComplete, IsFiltered || other.IsFiltered);

    /// <summary>Whether the two can have a parameter in common.</summary>
    public bool MayOverlap(ParameterSet other) =>
        !IsComplete || !other.IsComplete || Modules.Any(module => other.Modules.Any(candidate => MayBeSame(module, candidate)));

    /// <summary>Arguments and unexplained members may be any object of a fitting type; two creations are two objects.</summary>
    private static bool MayBeSame(Value one, Value other) =>
        Value.Overlap(one, other) || one is not (Created or Part) || other is not (Created or Part);
}

/// <summary>The optimizers that an expression can be, and what they hold.</summary>
internal sealed record OptimizerSet(ImmutableArray<Value> Optimizers, ParameterSet Parameters)
{
    /// <summary>Whether the two can be the same optimizer.</summary>
    public bool MayBe(OptimizerSet other) =>
        Optimizers.IsEmpty || other.Optimizers.IsEmpty || Optimizers.Any(one => other.Optimizers.Contains(one));
}
