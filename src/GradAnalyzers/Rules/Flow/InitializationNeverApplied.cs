using GradAnalyzers.Diagnosis;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Flow;

/// <summary>An initializer is applied before the components are registered, and reaches none.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class InitializationNeverApplied() : FlowRule(Descriptors.GRAD1006)
{
    private protected override IEnumerable<FlowFinding> Check(PredictedModel model, Measurement? measurement)
    {
        foreach (var application in model.Graph.Applications)
        {
            if (application is { BeforeRegistration: true, Registration: { } registration })
                yield return new(model, application.Location) { Involved = System.Collections.Immutable.ImmutableArray.Create(registration) };
        }
    }
}
