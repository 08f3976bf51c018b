using System.Collections.Immutable;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.TrainingLoops;

/// <summary>Something that happens to gradients, in the activation that it happens in.</summary>
internal abstract record LoopEvent(IOperation Operation, Frame Frame);

/// <summary>An optimizer changes its parameters.</summary>
/// <param name="Closure">The activations of the closure that the step evaluates (LBFGS).</param>
internal sealed record StepEvent(IOperation Operation, Frame Frame, OptimizerSet Optimizer, IReadOnlyList<Frame> Closure) : LoopEvent(Operation, Frame)
{
    /// <summary>The tensor that is changed, where the step is written out; null for the step of an optimizer.</summary>
    public IOperation? Changed { get; init; }

    public bool IsByHand => Changed is not null;

    /// <summary>What is written out may limit the gradients itself.</summary>
    public bool MayBeLimited { get; init; }
}

/// <summary>A loss is differentiated.</summary>
/// <param name="Accumulates">Gradients are added to those already there; a gradient tape makes new ones instead.</param>
internal sealed record BackwardEvent(IOperation Operation, Frame Frame, IOperation? Loss, bool Accumulates) : LoopEvent(Operation, Frame);

/// <summary>Gradients are set to zero or null.</summary>
/// <param name="Targets">The optimizers or modules whose gradients are cleared.</param>
internal sealed record ClearEvent(IOperation Operation, Frame Frame, ParameterSet Parameters, ImmutableArray<Value> Targets) : LoopEvent(Operation, Frame);

/// <summary>Gradients are limited, by a call of the library or by code that changes them by hand.</summary>
/// <param name="Threshold">The limit of a library call; null where it is changed by hand.</param>
internal sealed record ClipEvent(IOperation Operation, Frame Frame, ParameterSet Parameters, IOperation? Threshold, bool IsByHand) : LoopEvent(Operation, Frame);

/// <summary>Code that source does not show receives the model, its parameters or the optimizer: it may do anything to the gradients.</summary>
/// <param name="Keeps">An object that keeps them is made: it may act at any time from then on, by hooks.</param>
internal sealed record OpaqueEvent(IOperation Operation, Frame Frame, bool Keeps = false) : LoopEvent(Operation, Frame)
{
    /// <summary>Models that another project's code trains with nothing that limits their gradients.</summary>
    public ImmutableArray<Value> Trained { get; init; } = ImmutableArray<Value>.Empty;
}

/// <summary>A loss is computed that a backward differentiates; no node of the loop's graph.</summary>
internal sealed record LossEvent(IOperation Operation, Frame Frame) : LoopEvent(Operation, Frame);
