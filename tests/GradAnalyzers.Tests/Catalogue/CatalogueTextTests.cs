using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis.Text;
using Xunit;

namespace GradAnalyzers.Tests.Catalogue;

public sealed class CatalogueTextTests
{
    [Fact]
    public void ALineIsAMemberItsRoleAndWhatItsParametersMean()
    {
        var entry = Assert.Single(Parse("Acme.Dense  linear fan_in=inputs|from  fan_out=units # the fast one\n").Entries);

        Assert.Equal(("Acme.Dense", Role.Linear), (entry.Member, entry.Role));
        Assert.True(entry.Carries("fan_in", "inputs"));
        Assert.True(entry.Carries("fan_in", "from"));
        Assert.False(entry.Carries("fan_in", "input"));
        Assert.False(entry.Carries("fan_out", "inputs"));
        Assert.False(entry.Carries("bias", "units"));
    }

    [Fact]
    public void AMistypedRoleIsAnErrorThatNamesTheOneMeant()
    {
        var error = Assert.Single(Parse("Acme.Dense linaer").Errors);

        Assert.Equal("'linaer' is no role; did you mean 'linear'?", error.Message);
    }

    [Fact]
    public void ABadLineLeavesTheOthers()
    {
        var (entries, errors) = Parse("Acme.One relu\nAcme.Two\n\n# three\nAcme.Three tanh\r\n");

        Assert.Equal(["Acme.One", "Acme.Three"], entries.Select(entry => entry.Member));
        Assert.Equal(new TextSpan(14, 8), Assert.Single(errors).Span);
    }

    private static (IReadOnlyList<CatalogueEntry> Entries, IReadOnlyList<CatalogueError> Errors) Parse(string text)
    {
        var (entries, errors) = CatalogueText.Parse(SourceText.From(text));
        return (entries, errors);
    }
}
