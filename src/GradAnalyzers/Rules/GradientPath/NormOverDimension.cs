using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
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
            foreach (var call in facts.Members.Where(member => member.ContainsAny(names)).SelectMany(member => MemberBodies.Of(member, source)).SelectMany(body => body.Invocations))
            {
                if (catalogue.Find(call.TargetMethod) is { Role: Role.Norm } entry && IsDimensionByMistake(call, entry) && (IsOfParameter(call, catalogue) || IsReadAsNumber(call)))
                    context.ReportDiagnostic(Diagnostic.Create(Descriptor, call.Syntax.GetLocation(), Message.Fit(Descriptor, [call.Syntax.ToString(), UsualNorm])));
            }
        });
    }

    /// <summary>The dimension is written as a bare 2, and nothing else is given.</summary>
    private static bool IsDimensionByMistake(IInvocationOperation call, CatalogueEntry entry) =>
        call.Arguments.Where(argument => argument.ArgumentKind == ArgumentKind.Explicit && argument.Parameter!.Type.SpecialType != SpecialType.None).ToList() is [{ Parameter: { } parameter } only]
        && entry.Carries("dimension", parameter.Name) && only.Value.ConstantValue is { HasValue: true, Value: UsualNorm }
        && only.Syntax is not Microsoft.CodeAnalysis.CSharp.Syntax.ArgumentSyntax { NameColon: not null };

    private static bool IsOfParameter(IInvocationOperation call, ModelCatalogue catalogue)
    {
        var tensor = call.Instance ?? call.Arguments.FirstOrDefault(argument => argument.Parameter?.Ordinal == 0)?.Value;
        while (tensor is IConversionOperation conversion)
            tensor = conversion.Operand;
        return catalogue.Is(tensor?.Type, Role.Parameter) || tensor is IPropertyReferenceOperation { Property: var property } && catalogue.Is(property, Role.Gradient);
    }

    /// <summary><c>norm(2).item&lt;float&gt;()</c>: a number is read from it in the same expression.</summary>
    private static bool IsReadAsNumber(IInvocationOperation call)
    {
        IOperation value = call;
        while (value.Parent is IConversionOperation or IParenthesizedOperation or IArgumentOperation)
            value = value.Parent;
        return value.Parent is IInvocationOperation reading && reading.TargetMethod.ContainingAssembly?.Name == ModelCatalogue.Library && TrainingLoops.LossTracer.IsPlain(reading.Type);
    }
}
