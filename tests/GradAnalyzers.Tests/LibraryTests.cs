using System.Globalization;
using System.Reflection;
using GradAnalyzers.Catalogue;
using TorchSharp;
using Xunit;

namespace GradAnalyzers.Tests;

public sealed class LibraryTests
{
    private const BindingFlags Anything = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static;

    private static readonly ILookup<string, Type> Types = typeof(torch).Assembly.GetTypes().ToLookup(type => (type.FullName ?? "").Split('`')[0].Replace('+', '.'));

    private static IEnumerable<CatalogueEntry> Entries => ModelCatalogue.BuiltInEntries.Where(entry => entry.Assembly == ModelCatalogue.Library);

    public static TheoryData<string> Members { get; } = new(Entries.Select(entry => entry.Member));

    public static TheoryData<string, string, string> Parameters { get; } = new(Entries
        .SelectMany(entry => entry.Meanings.Select(meaning => (entry.Member, meaning.Key, meaning.Value)))
        .Where(row => !double.TryParse(row.Value, CultureInfo.InvariantCulture, out _)));

    [Theory]
    [MemberData(nameof(Members))]
    public void EveryBuiltInNameExistsInTorchSharp(string member) =>
        Assert.True(Types.Contains(member) || Named(member).Any(), $"TorchSharp has no '{member}'");

    [Theory]
    [MemberData(nameof(Parameters))]
    public void EveryBuiltInParameterExistsInTorchSharp(string member, string meaning, string parameter)
    {
        var callables = Named(member).OfType<MethodBase>().Concat(Types[member].SelectMany(type => type.GetConstructors(Anything)));
        Assert.True(
            callables.Any(callable => callable.GetParameters().Any(candidate => CatalogueEntry.Names(parameter, candidate.Name!))),
            $"'{member}' has no parameter '{parameter}', which '{meaning}' stands for");
    }

    private static IEnumerable<MemberInfo> Named(string member)
    {
        var dot = member.LastIndexOf('.');
        return Types[member[..dot]].SelectMany(type => type.GetMember(member[(dot + 1)..], Anything));
    }
}
