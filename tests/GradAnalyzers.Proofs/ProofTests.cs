using Xunit;

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
}
