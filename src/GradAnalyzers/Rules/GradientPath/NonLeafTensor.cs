using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Rules.GradientPath;

/// <summary>A tensor that asks for gradients is computed with before it is kept: what is kept is no leaf, and backward leaves its grad null.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class NonLeafTensor() : Rule(Descriptors.GRAD4007)
{
    /// <summary>Property of the diagnostic: the result becomes a Parameter, which asks for gradients itself.</summary>
    public const string ForParameter = "parameter";

    private protected override void Register(CompilationStartAnalysisContext start, ModelCatalogue catalogue)
    {
        var program = WholeProgram.Of(start.Compilation, catalogue);
        var names = Words.HashesOf(["requires_grad", "requires_grad_", "with_requires_grad"]);
        var uses = Words.HashesOf(catalogue.NamesOf(Role.Gradient).Union(catalogue.NamesOf(Role.Parameter)));
        start.RegisterSemanticModelAction(context =>
        {
            var facts = TreeFacts.Of(context.SemanticModel.SyntaxTree);
            if (!facts.Words.ContainsAny(names) || !facts.Words.ContainsAny(uses))
                return;
            var tracer = new ValueTracer(new ProgramSource(program, context.CancellationToken));
            var reported = new HashSet<SyntaxNode>();
            foreach (var body in facts.Members.Where(member => member.ContainsAny(uses)).SelectMany(member => MemberBodies.Of(member, tracer.Source)))
            {
                var leaves = new NonLeaves(tracer, body);
                foreach (var (leaf, why, isParameter) in leaves.Found().Concat(leaves.Replaced().Select(leaf => (leaf, "in the next round its grad is null", false))))
                {
                    // A field is reported where it is made, which is this file or not at all.
                    if (leaf.Whole.Syntax.SyntaxTree == context.SemanticModel.SyntaxTree && reported.Add(leaf.Whole.Syntax))
                    {
                        context.ReportDiagnostic(Diagnostic.Create(Descriptor, leaf.Whole.Syntax.GetLocation(), [leaf.Tracking.Syntax.GetLocation()],
                            isParameter ? ImmutableDictionary<string, string?>.Empty.Add(ForParameter, null) : ImmutableDictionary<string, string?>.Empty, Message.Fit(Descriptor, [leaf.Whole.Syntax.ToString(), why])));
                    }
                }
            }
        });
    }
}

/// <summary>The tensors of a member whose gradient is read or that become Parameters, and that are computed from a leaf.</summary>
internal sealed class NonLeaves(ValueTracer tracer, MemberBody body)
{
    private const int MaximumSteps = 16;

    private ModelCatalogue Catalogue => tracer.Source.Catalogue;

    /// <param name="Whole">The value that is kept.</param>
    /// <param name="Tracking">The call that asks for gradients.</param>
    internal sealed record NonLeaf(IOperation Whole, IInvocationOperation Tracking);

    public IEnumerable<(NonLeaf Leaf, string Why, bool IsParameter)> Found()
    {
        foreach (var operation in body.Operations)
        {
            switch (operation)
            {
                case IPropertyReferenceOperation { Instance: { } tensor, Property: var property } when Catalogue.Is(property, Role.Gradient) && Made(tensor) is { } made:
                    yield return (made, "its grad stays null", false);
                    break;
                case IObjectCreationOperation { Arguments: [{ Value: var tensor }, ..], Type: var type } when Catalogue.Is(type, Role.Parameter) && Made(tensor) is { } made:
                    yield return (made, "the Parameter gets no gradient and never changes", true);
                    break;
                case IInvocationOperation { TargetMethod: var method } call when Catalogue.Is(method, Role.Parameter) && (call.Instance ?? call.Arguments.FirstOrDefault()?.Value) is { } tensor && Made(tensor) is { } made:
                    yield return (made, "the Parameter gets no gradient and never changes", true);
                    break;
            }
        }
    }

    /// <summary>The non-leaf that an expression surely is; null for anything else.</summary>
    private NonLeaf? Made(IOperation tensor)
    {
        var value = Bare(tensor);
        var (made, at) = value switch
        {
            ILocalReferenceOperation { Local: var local } when body.WritesReaching(value, local) is [{ IsElement: false, TuplePath.IsEmpty: true } write] && !IsRetained(local, body) => (write.Value, body),
            IFieldReferenceOperation { Field: var field } when tracer.Source.WritesTo(field.AssociatedSymbol ?? field) is [{ Write: { IsElement: false, TuplePath.IsEmpty: true } write, Body: var there }] && !IsRetainedAnywhere() => (write.Value, there),
            IPropertyReferenceOperation { Property: var property } when tracer.Source.WritesTo(property) is [{ Write: { IsElement: false, TuplePath.IsEmpty: true } write, Body: var there }] && !IsRetainedAnywhere() => (write.Value, there),
            _ => (value, body),
        };
        made = Bare(made);
        if (new LossTracer(tracer).IsWithoutGradient(made, tracer.Detached(tracer.Source.MethodOf(at, made), at, receiver: null)))
            return null;
        return Tracking(made, at) is { } tracking ? new NonLeaf(made, tracking) : null;
    }

    /// <summary>
    /// <c>w = w - rate * w.grad</c> or <c>w -= …</c>, round after round: each makes another tensor, which is no leaf, or under no_grad asks for no gradients.
    /// Found where the variable begins as a leaf and nothing else is ever written to it.
    /// </summary>
    public IEnumerable<NonLeaf> Replaced()
    {
        foreach (var gradient in body.Operations.OfType<IPropertyReferenceOperation>().Where(reference => reference.Instance is not null && Catalogue.Is(reference.Property, Role.Gradient)))
        {
            var tensor = Bare(gradient.Instance!);
            var (variable, writes) = tensor switch
            {
                ILocalReferenceOperation { Local: var local } => ((ISymbol)local, body.WritesReaching(tensor, local).Select(write => (write, body))),
                IFieldReferenceOperation { Field: var field } => (field, tracer.Source.WritesTo(field.AssociatedSymbol ?? field).Select(written => (written.Write, written.Body))),
                IPropertyReferenceOperation { Property: var property } => (property, tracer.Source.WritesTo(property).Select(written => (written.Write, written.Body))),
                _ => (null, []),
            };
            if (variable is null)
                continue;
            var all = writes.Select(write => (Value: Whole(write.Item1), Body: write.Item2)).ToList();
            var updates = all.Where(write => write.Value is { } value && Updated(value) is { } old && IsOf(variable, old) && (variable is not ILocalSymbol || IsInOneLoop(value, tensor))).ToList();
            if (updates.Count == 0 || all.Except(updates).ToList() is not [{ Value: IInvocationOperation first }]
                || Catalogue.Find(first.TargetMethod) is not { } entry || Tracks(first, entry) is not true || updates.Any(update => AsksAgain(variable, update.Body)))
            {
                continue;
            }

            foreach (var update in updates)
                yield return new NonLeaf(update.Value!, first);
        }
    }

    /// <summary>All that is written, also as one place of a tuple; null where it is an element of something.</summary>
    private static IOperation? Whole(Write write)
    {
        var value = write.IsElement ? null : Bare(write.Value);
        foreach (var place in write.TuplePath)
            value = value is ITupleOperation { Elements: var elements } && place < elements.Length ? Bare(elements[place]) : null;
        return value;
    }

    /// <summary>What a difference, a sum or a product is made of first: the old value in <c>w - step</c>, <c>w.sub(step)</c> and <c>w -= step</c>.</summary>
    private IOperation? Updated(IOperation value) => value switch
    {
        ICompoundAssignmentOperation { OperatorMethod: { } method, Target: var target } when IsArithmetic(method) => target,
        IBinaryOperation { OperatorMethod: { } method, LeftOperand: var left } when IsArithmetic(method) => Bare(left),
        IInvocationOperation { TargetMethod: var method } call when IsArithmetic(method) && !method.Name.EndsWith("_", StringComparison.Ordinal) && (call.Instance ?? call.Arguments.FirstOrDefault()?.Value) is { } operand => Bare(operand),
        _ => null,
    };

    private bool IsArithmetic(IMethodSymbol method) => Catalogue.Find(method)?.Role is Role.Add or Role.Subtract or Role.Multiply or Role.Divide;

    private static bool IsOf(ISymbol variable, IOperation operation) => operation switch
    {
        ILocalReferenceOperation { Local: var local } => SymbolEqualityComparer.Default.Equals(local, variable),
        IMemberReferenceOperation { Member: var member, Instance: null or IInstanceReferenceOperation } => SymbolEqualityComparer.Default.Equals(member, variable),
        _ => false,
    };

    private static bool IsInOneLoop(IOperation write, IOperation read)
    {
        for (var around = write.Parent; around is not null; around = around.Parent)
        {
            if (around is ILoopOperation && around.Syntax.Span.Contains(read.Syntax.Span))
                return true;
        }

        return false;
    }

    /// <summary>The code makes what it wrote a leaf again, or keeps its gradient.</summary>
    private static bool AsksAgain(ISymbol variable, MemberBody body) => body.Operations.Any(operation => operation switch
    {
        IInvocationOperation { TargetMethod.Name: "retain_grad" or "detach_" or "requires_grad_", Instance: { } asked } => IsOf(variable, Bare(asked)),
        IAssignmentOperation { Target: IPropertyReferenceOperation { Property.Name: "requires_grad", Instance: { } asked } } => IsOf(variable, Bare(asked)),
        _ => false,
    });

    private static bool IsRetained(ISymbol variable, MemberBody body) => body.Invocations.Any(call =>
        call is { TargetMethod.Name: "retain_grad" or "detach_", Instance: ILocalReferenceOperation { Local: var local } } && SymbolEqualityComparer.Default.Equals(local, variable));

    private bool IsRetainedAnywhere() => tracer.Source.Trees.Any(tree => tree.Words.Contains("retain_grad") || tree.Words.Contains("detach_"));

    private static IOperation Bare(IOperation operation)
    {
        while (operation is IConversionOperation { OperatorMethod: null } or IParenthesizedOperation)
            operation = operation.ChildOperations.First();
        return operation;
    }

    /// <summary>The call that asks for gradients, behind at least one operation that surely gives another tensor.</summary>
    private IInvocationOperation? Tracking(IOperation whole, MemberBody at)
    {
        var current = whole;
        var (isOther, mayMove) = (false, false);
        for (var step = 0; step < MaximumSteps; step++)
        {
            current = Bare(current);
            switch (current)
            {
                case ILocalReferenceOperation { Local: var local } when at.WritesReaching(current, local) is [{ IsElement: false, TuplePath.IsEmpty: true } write] && !IsRetained(local, at):
                    current = write.Value;
                    continue;
                case IBinaryOperation { OperatorMethod: { } method } binary when Catalogue.Find(method)?.Role is Role.Add or Role.Subtract or Role.Multiply or Role.Divide:
                    isOther = true;
                    current = tracer.Source.IsTensor(Bare(binary.LeftOperand).Type) && tracer.Source.IsTensor(Bare(binary.RightOperand).Type) ? binary.LeftOperand : tracer.Source.IsTensor(Bare(binary.LeftOperand).Type) ? binary.LeftOperand : binary.RightOperand;
                    continue;
                case IInvocationOperation call when Catalogue.Find(call.TargetMethod) is { } entry:
                    if (Tracks(call, entry) is { } tracks)
                        return tracks && (isOther || (mayMove && !HasDevice(call))) ? call : null;
                    if (call.TargetMethod.Name.EndsWith("_", StringComparison.Ordinal) || (call.Instance ?? call.Arguments.FirstOrDefault()?.Value) is not { } operand)
                        return null;
                    switch (entry.Role)
                    {
                        case Role.Add or Role.Subtract or Role.Multiply or Role.Divide or Role.Negate or Role.Reshape or Role.Permute or Role.Expand or Role.Power or Role.Softmax:
                        case var role when role.IsActivation():
                            isOther = true;
                            break;
                        case Role.Identity when call.TargetMethod.Name == "clone":
                            isOther = true;
                            break;
                        case Role.Identity when call.TargetMethod.Name == "cuda" || (call.TargetMethod.Name == "to" && MovesElsewhere(call)):
                            mayMove = true;
                            break;
                        case Role.Identity when call.TargetMethod.Name is "cpu" or "contiguous" or "to":
                            break;
                        default:
                            return null;
                    }

                    current = operand;
                    continue;
                default:
                    return null;
            }
        }

        return null;
    }

    /// <summary>Whether the call says that its result takes part in gradients; null where it says nothing.</summary>
    private static bool? Tracks(IInvocationOperation call, CatalogueEntry entry)
    {
        if (call.Arguments.FirstOrDefault(argument => argument.Parameter is { } parameter && entry.Carries("tracks", parameter.Name)) is not { } tracks)
            return entry.Role is Role.Data or Role.Detach ? false : null;
        return tracks.Value.ConstantValue is { HasValue: true, Value: true };
    }

    /// <summary>To a device that is not the CPU by its name: on a machine that has it, that is another tensor.</summary>
    private static bool MovesElsewhere(IInvocationOperation call) => call.Arguments.FirstOrDefault(argument => argument.ArgumentKind == ArgumentKind.Explicit)?.Value is { } first
        && Bare(first) is var device && device is not IMemberReferenceOperation { Member: { Name: "CPU", ContainingType.Name: "torch" } } && device.Type is { Name: "Device" or "DeviceType" };

    private static bool HasDevice(IInvocationOperation factory) => factory.Arguments.Any(argument => argument is { ArgumentKind: ArgumentKind.Explicit, Parameter.Name: "device", Value.ConstantValue: not { HasValue: true, Value: null } });
}
