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

    /// <summary>One of the two, or what they hold together.</summary>
    public ParameterSet Union(ParameterSet other) =>
        new(Modules.Union(other.Modules).ToImmutableArray(), IsComplete && other.IsComplete, IsFiltered || other.IsFiltered) { Repeated = Repeated.Union(other.Repeated).ToImmutableArray() };

    /// <summary>Modules whose parameters are in the sequence more than once.</summary>
    public ImmutableArray<Value> Repeated { get; init; } = ImmutableArray<Value>.Empty;

    /// <summary>A sequence of parameters that a caller hands over: whose they are, the caller knows.</summary>
    public Value? Given { get; init; }

    /// <summary>Both sequences, one after the other: a module in both, or a part of one, is repeated.</summary>
    public ParameterSet And(ParameterSet other)
    {
        var repeated = IsFiltered || other.IsFiltered
            ? []
            : other.Modules.Where(module => Modules.Any(own => own is not Unknown && Value.Overlap(own, module)));
        return Union(other) with { Repeated = Repeated.Union(other.Repeated).Union(repeated).ToImmutableArray() };
    }

    /// <summary>Whether the two can have a parameter in common.</summary>
    public bool MayOverlap(ParameterSet other) =>
        !IsComplete || !other.IsComplete || Modules.Any(module => other.Modules.Any(candidate => MayBeSame(module, candidate)));

    /// <summary>Whether every parameter of the other set is surely in this one.</summary>
    public bool Covers(ParameterSet other) =>
        IsComplete && !IsFiltered && other is { IsComplete: true, Modules.IsEmpty: false } && other.Modules.All(module => module.WithOwners().Any(Modules.Contains));

    /// <summary>Arguments and unexplained members may be any object of a fitting type; two creations are two objects.</summary>
    private static bool MayBeSame(Value one, Value other) =>
        Value.Overlap(one, other) || one is not (Created or Part) || other is not (Created or Part);
}

/// <summary>The optimizers that an expression can be, and what they hold.</summary>
internal sealed record OptimizerSet(ImmutableArray<Value> Optimizers, ParameterSet Parameters)
{
    /// <summary>It is one known object.</summary>
    public bool IsOne => Optimizers is [not Unknown];

    /// <summary>The name of the class, for messages.</summary>
    public string Name => Optimizers.FirstOrDefault() switch
    {
        ByHand step => step.Name,
        { Type.Name: var name } => name,
        _ => "the optimizer",
    };

    /// <summary>Whether the two can be the same optimizer.</summary>
    public bool MayBe(OptimizerSet other) =>
        Optimizers.IsEmpty || other.Optimizers.IsEmpty || Optimizers.Any(one => other.Optimizers.Contains(one));
}
