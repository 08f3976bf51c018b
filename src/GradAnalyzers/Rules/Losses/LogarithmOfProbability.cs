using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

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
            var inCode = facts.Members.Where(member => member.ContainsAny(names)).SelectMany(member => MemberBodies.Of(member, source)).SelectMany(body => In(body, tracer));
            var byArgument = LoopFindings.Of(program).Logarithms(context.CancellationToken)[context.SemanticModel.SyntaxTree];
            foreach (var (call, probability, isSoftmax) in inCode.Concat(byArgument).GroupBy(logarithm => logarithm.Call).Select(same => same.First()))
            {
                context.ReportDiagnostic(Diagnostic.Create(Descriptor, call.GetLocation(), [probability.GetLocation()],
                    Message.Fit(Descriptor, [call.ToString(), isSoftmax ? "softmax" : "sigmoid", isSoftmax ? "log_softmax" : "logsigmoid"])));
            }
        });
    }

    private static IEnumerable<ProbabilityLogarithm> In(MemberBody body, ValueTracer tracer)
    {
        var (heads, losses) = (new OutputHeads(tracer), new LossTracer(tracer));
        foreach (var call in body.Invocations.Where(call => tracer.Source.Catalogue.Is(call.TargetMethod, Role.Logarithm)))
        {
            if (ProbabilityLogarithm.Of(call, tracer.Detached(tracer.Source.MethodOf(body, call), body, receiver: null), heads, losses) is { } found)
                yield return found;
        }
    }
}
