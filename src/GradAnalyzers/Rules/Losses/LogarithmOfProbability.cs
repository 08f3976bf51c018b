using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Rules.Losses;

/// <summary>The logarithm of a softmax or sigmoid, in a model or a training loop.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class LogarithmOfProbability() : Rule(Descriptors.GRAD3003)
{
    private protected override void Register(CompilationStartAnalysisContext start, ModelCatalogue catalogue)
    {
        var program = WholeProgram.Of(start.Compilation, catalogue);
        var names = Words.HashesOf(catalogue.NamesOf(Role.Logarithm));
        start.RegisterSemanticModelAction(context =>
        {
            var facts = TreeFacts.Of(context.SemanticModel.SyntaxTree);
            if (!facts.Words.ContainsAny(names) || !program.MembersFor(context.CancellationToken).Trains)
                return;
            var source = new ProgramSource(program, context.CancellationToken);
            var tracer = new ValueTracer(source);
            foreach (var body in facts.Members.Where(member => member.ContainsAny(names)).SelectMany(member => MemberBodies.Of(member, source)))
            {
                foreach (var (call, probability) in In(body, tracer))
                {
                    context.ReportDiagnostic(Diagnostic.Create(Descriptor, call.Syntax.GetLocation(), [probability.Operation.Syntax.GetLocation()],
                        Message.Fit(Descriptor, [call.Syntax.ToString(), probability.Role == Role.Softmax ? "softmax" : "sigmoid", probability.Role == Role.Softmax ? "log_softmax" : "logsigmoid"])));
                }
            }
        });
    }

    private static IEnumerable<(IInvocationOperation Call, OutputHead Probability)> In(MemberBody body, ValueTracer tracer)
    {
        var catalogue = tracer.Source.Catalogue;
        var (heads, losses) = (new OutputHeads(tracer), new LossTracer(tracer));
        foreach (var call in body.Invocations.Where(call => catalogue.Is(call.TargetMethod, Role.Logarithm)))
        {
            if ((call.Instance ?? call.Arguments.FirstOrDefault()?.Value) is not { } operand)
                continue;
            var frame = tracer.Detached(tracer.Source.MethodOf(body, call), body, receiver: null);
            if (losses.IsWithoutGradient(call, frame))
                continue;
            var found = heads.Of(Complement(operand) ?? operand, frame);
            if (found.Length > 0 && found.All(head => head.Role == found[0].Role) && found[0].Role is Role.Softmax or Role.Sigmoid)
                yield return (call, found[0]);
        }
    }

    /// <summary>The p of <c>1 - p</c>.</summary>
    private static IOperation? Complement(IOperation operand)
    {
        var current = operand;
        while (current is IConversionOperation or IParenthesizedOperation)
            current = current.ChildOperations.First();
        return current is IBinaryOperation { OperatorKind: BinaryOperatorKind.Subtract, RightOperand: var probability, LeftOperand: var one } && IsOne(one) ? probability : null;
    }

    private static bool IsOne(IOperation operation)
    {
        while (operation is IConversionOperation conversion)
            operation = conversion.Operand;
        return operation.ConstantValue is { HasValue: true, Value: 1 or 1f or 1d or 1L };
    }
}
