using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.TrainingLoops;

/// <summary>Where an object comes from, as far as source tells. Two equal values are the same object.</summary>
/// <param name="Type">The best known type of the object.</param>
internal abstract record Value(ITypeSymbol? Type)
{
    private const int MaximumOwners = 32;

    /// <summary>The object that this one is a part of: the owner of its field, or the object whose constructor or initializer made it.</summary>
    private Value? Owner => this switch
    {
        Part part => part.Owner,
        Created { Frame: { Method: null or { MethodKind: MethodKind.Constructor }, Receiver: [var owner] } } => owner,
        _ => null,
    };

    /// <summary>The chain of owners, this value first: <c>model.decoder</c>, then <c>model</c>.</summary>
    public IEnumerable<Value> WithOwners()
    {
        var current = this;
        for (var count = 0; current is not null && count < MaximumOwners; count++)
        {
            yield return current;
            current = current.Owner;
        }
    }

    /// <summary>Whether one of the two is the other or a part of it.</summary>
    public static bool Overlap(Value one, Value other) => one.WithOwners().Contains(other) || other.WithOwners().Contains(one);
}

/// <summary>Made by a constructor, a factory or any call that source does not explain.</summary>
internal sealed record Created(IOperation Creation, Frame Frame) : Value(Creation.Type)
{
    public bool Equals(Created? other) => other is not null && ReferenceEquals(Creation, other.Creation) && ReferenceEquals(Frame, other.Frame);

    public override int GetHashCode() => (RuntimeHelpers.GetHashCode(Creation) * 31) + RuntimeHelpers.GetHashCode(Frame);
}

/// <summary>Passed in from callers that this reading does not see.</summary>
internal sealed record Argument(IParameterSymbol Parameter) : Value(Parameter.Type);

/// <summary>The object whose method the reading began with.</summary>
internal sealed record Instance(ITypeSymbol InstanceType) : Value(InstanceType);

/// <summary>A field or property that source does not explain, of a known owner (null: static).</summary>
internal sealed record Part(Value? Owner, ISymbol Member, ITypeSymbol MemberType) : Value(MemberType);

/// <summary>A lambda, local function or method group.</summary>
internal sealed record Function(IMethodSymbol Method, SyntaxNode? Lambda, Frame Lexical, ImmutableArray<Value> Receiver) : Value((ITypeSymbol?)null)
{
    public bool Equals(Function? other) =>
        other is not null && SymbolEqualityComparer.Default.Equals(Method, other.Method) && Lambda == other.Lambda && ReferenceEquals(Lexical, other.Lexical);

    public override int GetHashCode() => SymbolEqualityComparer.Default.GetHashCode(Method);
}

/// <summary>Nothing is known but the static type.</summary>
internal sealed record Unknown(IOperation Operation, Frame Frame) : Value(Operation.Type)
{
    public bool Equals(Unknown? other) => other is not null && ReferenceEquals(Operation, other.Operation) && ReferenceEquals(Frame, other.Frame);

    public override int GetHashCode() => (RuntimeHelpers.GetHashCode(Operation) * 31) + RuntimeHelpers.GetHashCode(Frame);
}

/// <summary>Code that steps without an optimizer stands for one of its own.</summary>
internal sealed record ByHand(IOperation Step, string Name) : Value((ITypeSymbol?)null);
