using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Rules.GradientPath;

/// <summary><c>norm(2)</c> where the 2-norm is meant: of a parameter or gradient, or read as one number.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class NormOverDimension() : Rule(Descriptors.GRAD4006)
{
    /// <summary>The only number that is a usual norm and hardly ever a dimension of what has one.</summary>
    private const int UsualNorm = 2;

    private const int MaximumSteps = 8;

    private protected override void Register(CompilationStartAnalysisContext start, ModelCatalogue catalogue)
    {
        var program = WholeProgram.Of(start.Compilation, catalogue);
        var names = Words.HashesOf(catalogue.NamesOf(Role.Norm));
        start.RegisterSemanticModelAction(context =>
        {
            var facts = TreeFacts.Of(context.SemanticModel.SyntaxTree);
            if (!facts.Words.ContainsAny(names))
                return;
            var source = new ProgramSource(program, context.CancellationToken);
            foreach (var (call, body) in facts.Members.Where(member => member.ContainsAny(names)).SelectMany(member => MemberBodies.Of(member, source)).SelectMany(body => body.Invocations.Select(call => (call, body))))
            {
                if (catalogue.Find(call.TargetMethod) is { Role: Role.Norm } entry && IsDimensionByMistake(call, entry) && (IsOfParameter(call, catalogue) || IsOfGradients(call, catalogue, body) || IsReadAsNumber(call)))
                    context.ReportDiagnostic(Diagnostic.Create(Descriptor, call.Syntax.GetLocation(), Message.Fit(Descriptor, [call.Syntax.ToString(), UsualNorm])));
            }
        });
    }

    /// <summary>The dimension is written as a bare 2, and nothing else is given.</summary>
    private static bool IsDimensionByMistake(IInvocationOperation call, CatalogueEntry entry) =>
        call.Arguments.Where(argument => argument.ArgumentKind == ArgumentKind.Explicit && argument.Parameter!.Type.SpecialType != SpecialType.None).ToList() is [{ Parameter: { } parameter } only]
        && entry.Carries("dimension", parameter.Name) && only.Value.ConstantValue is { HasValue: true, Value: UsualNorm }
        && only.Syntax is not Microsoft.CodeAnalysis.CSharp.Syntax.ArgumentSyntax { NameColon: not null };

    private static IOperation? TensorOf(IInvocationOperation call) => Unconverted(call.Instance ?? call.Arguments.FirstOrDefault(argument => argument.Parameter?.Ordinal == 0)?.Value);

    private static IOperation? Unconverted(IOperation? operation)
    {
        while (operation is IConversionOperation or IParenthesizedOperation)
            operation = operation is IConversionOperation conversion ? conversion.Operand : ((IParenthesizedOperation)operation).Operand;
        return operation;
    }

    /// <summary><c>var gradients = autograd.grad(…)[0]; gradients.norm(2)</c>: what a gradient penalty limits is the length of a sample's gradient.</summary>
    private static bool IsOfGradients(IInvocationOperation call, ModelCatalogue catalogue, MemberBody body)
    {
        var tensor = TensorOf(call);
        for (var steps = 0; steps < MaximumSteps; steps++)
        {
            switch (tensor)
            {
                case ILocalReferenceOperation reference when body.WritesReaching(reference, reference.Local) is [{ IsElement: false, TuplePath.IsEmpty: true, Value: var written }]:
                    tensor = Unconverted(written);
                    break;
                case IPropertyReferenceOperation { Property.IsIndexer: true, Instance: { } list } when !catalogue.Is(list.Type, Role.Tensor):
                    tensor = Unconverted(list);
                    break;
                case IArrayElementReferenceOperation { ArrayReference: { } list }:
                    tensor = Unconverted(list);
                    break;
                case IInvocationOperation { TargetMethod: { Name: "First" or "Single" or "ElementAt" } query, Arguments: [{ Value: var list }, ..] } when Frameworks.IsQuery(query):
                    tensor = Unconverted(list);
                    break;
                default:
                    return tensor is IInvocationOperation { TargetMethod: var method } && catalogue.Is(method, Role.GradientsOf);
            }
        }

        return false;
    }

    private static bool IsOfParameter(IInvocationOperation call, ModelCatalogue catalogue)
    {
        var tensor = TensorOf(call);
        return catalogue.Is(tensor?.Type, Role.Parameter) || tensor is IPropertyReferenceOperation { Property: var property } && catalogue.Is(property, Role.Gradient);
    }

    /// <summary><c>norm(2).item&lt;float&gt;()</c>: a number is read from it in the same expression.</summary>
    private static bool IsReadAsNumber(IInvocationOperation call)
    {
        IOperation value = call;
        while (value.Parent is IConversionOperation or IParenthesizedOperation or IArgumentOperation)
            value = value.Parent;
        return value.Parent is IInvocationOperation reading && reading.TargetMethod.ContainingAssembly?.Name == ModelCatalogue.Library && LossTracer.IsPlain(reading.Type);
    }
}
