using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>The scopes without gradients that a body opens, and what becomes of them: TorchSharp's have no finalizer, so that one that nobody disposes of never ends.</summary>
internal static class GradientScopes
{
    /// <summary>Calls in the body that switch gradients off and whose result nobody ends.</summary>
    public static IEnumerable<IInvocationOperation> Leaked(MemberBody body, ModelCatalogue catalogue) =>
        body.Invocations.Where(call => SwitchesOff(call, catalogue) && IsDropped(call, body));

    /// <summary>The calls in the body that set the mode to something that is not surely off.</summary>
    public static IEnumerable<IInvocationOperation> SwitchingOn(MemberBody body, ModelCatalogue catalogue) =>
        body.Invocations.Where(call => catalogue.Is(call.TargetMethod, Role.GradientMode) && !SwitchesOff(call, catalogue));

    /// <summary>Whether a call surely switches gradients off until its result is disposed of.</summary>
    public static bool SwitchesOff(IInvocationOperation call, ModelCatalogue catalogue) => catalogue.Find(call.TargetMethod) switch
    {
        { Role: Role.NoGrad } => call.Arguments.All(argument => argument.Value.ConstantValue is { HasValue: true, Value: true }),
        { Role: Role.GradientMode } mode => call.Arguments.FirstOrDefault(argument => mode.Carries("enabled", argument.Parameter!.Name))?.Value.ConstantValue is { HasValue: true, Value: false },
        _ => false,
    };

    /// <summary>The value goes nowhere: it is a statement of its own, or goes into a local that is never read.</summary>
    private static bool IsDropped(IOperation call, MemberBody body)
    {
        var value = call;
        while (value.Parent is IConversionOperation or IParenthesizedOperation or IConditionalOperation { Type: not null } or ICoalesceOperation)
            value = value.Parent;
        return value.Parent switch
        {
            // A lambda or arrow body that returns nothing has a statement too.
            IExpressionStatementOperation => true,
            ISimpleAssignmentOperation { Target: IDiscardOperation, Parent: IExpressionStatementOperation } => true,
            ISimpleAssignmentOperation { Target: ILocalReferenceOperation { Local: var local }, Parent: IExpressionStatementOperation } => IsNeverRead(local, body),
            IVariableInitializerOperation { Parent: IVariableDeclaratorOperation { Symbol: var local } declarator } => !IsUsing(declarator) && IsNeverRead(local, body),
            _ => false,
        };
    }

    private static bool IsUsing(IOperation declarator)
    {
        for (var current = declarator.Parent; current is not null and not IBlockOperation; current = current.Parent)
        {
            if (current is IUsingDeclarationOperation or IUsingOperation)
                return true;
        }

        return false;
    }

    private static bool IsNeverRead(ILocalSymbol local, MemberBody body) => !body.Operations.OfType<ILocalReferenceOperation>()
        .Any(reference => SymbolEqualityComparer.Default.Equals(reference.Local, local) && !(reference.Parent is ISimpleAssignmentOperation assignment && assignment.Target == reference));
}
