using Xunit;

// All trainings draw from the one generator of the process.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace GradAnalyzers.Proofs;

/// <summary>The short form of the proofs: fewer seeds, the same programs. The whole form writes docs/proof.md.</summary>
public sealed class ProofTests
{
    private const int Seeds = 2;

    public static TheoryData<string> Files { get; } = new(Proof.All.Select(proof => proof.File));

    [Theory]
    [MemberData(nameof(Files))]
    public async Task TheFixMakesTheFigureBetterWithEverySeed(string file)
    {
        var evidence = await Evidence.Of(Proof.All.Single(proof => proof.File == file), Seeds, TestContext.Current.CancellationToken);

        TestContext.Current.TestOutputHelper?.WriteLine($"{evidence}");
        Assert.All(evidence.Repairs, repair => Assert.Equal(Seeds, evidence.Kept(repair)));
    }

    [Fact]
    public void EveryRuleWithAFixHasAProof() => Assert.Equal(ProgramSource.Fixable, Proof.All.Select(proof => proof.Rule).Concat(Page.Unproven.Keys).Distinct().Order());

    [Theory]
    [MemberData(nameof(Files))]
    public void ThePageHasTheProofAndTheRulesPageLinksToIt(string file)
    {
        var proof = Proof.All.Single(proof => proof.File == file);

        Assert.Contains($"](#{Page.Anchor(proof)})", Repository.Read(Repository.Page));
        Assert.Contains($"](../proof.md#{Page.Anchor(proof)})", Repository.Read(Path.Combine(Repository.Docs, "rules", $"{proof.Rule}.md")));
        Assert.True(File.Exists(Path.Combine(Repository.Docs, "images", "proof", $"{proof.Name}.svg")));
    }
}
