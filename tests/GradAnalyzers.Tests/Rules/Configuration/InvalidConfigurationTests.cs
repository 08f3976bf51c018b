using GradAnalyzers.Rules.Configuration;
using Microsoft.CodeAnalysis.CSharp.Testing;
using Microsoft.CodeAnalysis.Testing;
using Xunit;

namespace GradAnalyzers.Tests.Rules.Configuration;

public sealed class InvalidConfigurationTests
{
    [Theory]
    [InlineData("Acme.Dense linear fan_in=inputs")]
    [InlineData("# nothing but a comment")]
    [InlineData("")]
    public Task AGoodLineIsAccepted(string line) => Check(catalogue: line);

    [Theory]
    [InlineData("Acme.Dense", "'Acme.Dense' has no role; write the member, a role such as 'linear' or 'clip_norm', then meaning=parameter pairs")]
    [InlineData("Acme.Dense linear inputs", "'inputs' is no pair; write meaning=parameter, for example fan_in=inputSize")]
    [InlineData("Acme.Dense linear fan_in=a fan_in=b", "'fan_in' is given twice; keep one")]
    public Task ABadLineIsReportedWhereItStands(string line, string message) =>
        Check(catalogue: "# own layers\n" + line + "\nAcme.Other relu\n",
            expected: new DiagnosticResult(Descriptors.GRAD0001).WithSpan("own.catalogue.txt", 2, 1, 2, 1 + line.Length).WithArguments(message));

    [Theory]
    [InlineData("gradanalyzers.vanishing_ratio = 1e-4")]
    [InlineData("gradanalyzers.exploding_ratio = 100")]
    [InlineData("other.option = nonsense")]
    public Task AGoodOptionIsAccepted(string option) => Check(option: option);

    [Theory]
    [InlineData("gradanalyzers.vanishing_ratio = 2", "'2' is no value of 'gradanalyzers.vanishing_ratio'; write a number above 0 and up to 1")]
    [InlineData("gradanalyzers.vanishing_ratio = tiny", "'tiny' is no value of 'gradanalyzers.vanishing_ratio'; write a number above 0 and up to 1")]
    [InlineData("gradanalyzers.exploding_ratio = 0.5", "'0.5' is no value of 'gradanalyzers.exploding_ratio'; write a number above 1")]
    [InlineData("gradanalyzers.exploding_ratio = NaN", "'NaN' is no value of 'gradanalyzers.exploding_ratio'; write a number above 1")]
    [InlineData("gradanalyzers.vanishing_rate = 0.1", "'gradanalyzers.vanishing_rate' is no option; did you mean 'gradanalyzers.vanishing_ratio'?")]
    [InlineData("gradanalyzers.colour = red", "'gradanalyzers.colour' is no option; docs/configuration.md lists them")]
    public Task ABadOptionIsReportedOnce(string option, string message) =>
        Check(option: option, expected: new DiagnosticResult(Descriptors.GRAD0001).WithArguments(message));

    private static Task Check(string? catalogue = null, string? option = null, params DiagnosticResult[] expected)
    {
        var test = new CSharpAnalyzerTest<InvalidConfiguration, DefaultVerifier> { ReferenceAssemblies = Code.NoPackages, TestCode = "class A { }" };
        test.TestState.Sources.Add("class B { }");
        test.TestState.AdditionalReferences.AddRange(Code.References);
        if (catalogue is not null)
            test.TestState.AdditionalFiles.Add(("own.catalogue.txt", catalogue));
        if (option is not null)
            test.TestState.AnalyzerConfigFiles.Add(("/.editorconfig", $"root = true\n[*.cs]\n{option}\n"));
        test.ExpectedDiagnostics.AddRange(expected);
        return test.RunAsync(CancellationToken.None);
    }
}
