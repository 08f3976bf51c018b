using System.Collections.Immutable;
using System.Globalization;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Models;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Facts;

/// <summary>A model's graph as a fact: layers of the library with their sizes, and the operations between them. Names of variables and expressions stay behind.</summary>
internal static class ForwardFacts
{
    /// <summary>Meanings of which a word counts; of all others only numbers, truths and null.</summary>
    private static readonly ImmutableHashSet<string> Words = ImmutableHashSet.Create(StringComparer.Ordinal, "mode", "nonlinearity", "padding");

    /// <summary>The fact, or null where the graph has holes, reads more than one tensor, or uses what is not the library's.</summary>
    /// <param name="graph">A model.</param>
    /// <param name="parameters">The parameters of the constructor or factory, and what each was: see <see cref="ForwardFact.Parameters"/>.</param>
    public static ForwardFact? Of(ModelGraph graph, ImmutableArray<(string Name, string? Value)> parameters)
    {
        if (!graph.IsComplete || !IsOfOneTensor(graph))
            return null;
        var symbols = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in parameters)
        {
            if (value is null)
                symbols[name] = "$" + name;
        }

        var layers = new Dictionary<ModelLayer, LayerFact>();
        var nodes = ImmutableArray.CreateBuilder<NodeFact>(graph.Nodes.Length);
        foreach (var node in graph.Nodes)
        {
            var constants = node.Role == Role.Input ? Constant.None : Constants(node.Constants, symbols);
            if (node.Layer is not { Parameters.IsEmpty: false } layer)
            {
                nodes.Add(new NodeFact(node.Role, node.Inputs, null, constants));
                continue;
            }

            if (layer.Registration != Registration.Registered || layer.Type is not { IsOfLibrary: true } || (layer.Path.Length == 0 && graph.Nodes.Length != 2))
                return null;
            if (!layers.TryGetValue(layer, out var fact))
                layers.Add(layer, fact = new LayerFact(layer.Path, layer.Type.Name, Starts(layer, symbols)));
            nodes.Add(new NodeFact(node.Role, node.Inputs, fact, constants));
        }

        return layers.Values.Select(layer => layer.Path).Distinct().Count() == layers.Count ? new ForwardFact(parameters, nodes.MoveToImmutable(), graph.Outputs) : null;
    }

    /// <summary>Whether the class has no fact whatever sizes it is made with: it computes from something else than one tensor, or cannot be read although all its arguments are known.</summary>
    public static bool IsBeyondWords(ModelGraph graph) => !IsOfOneTensor(graph) || (!graph.IsComplete && graph.Arguments.All(argument => IsConstant(argument.Value)));

    private static bool IsOfOneTensor(ModelGraph graph) =>
        graph.Nodes is [{ Role: Role.Input }, ..] && !graph.Nodes.Skip(1).Any(node => node.Role is Role.Input or Role.Data or Role.Parameter or Role.Choice || (node.Inputs.IsEmpty && node.Role != Role.Opaque));

    /// <summary>What the arguments that a model was read with are to its parameters; null where one is a text of the program's own.</summary>
    public static ImmutableArray<(string Name, string? Value)>? Parameters(ImmutableArray<(string Name, string Value)> arguments, ImmutableArray<IParameterSymbol> parameters)
    {
        var read = ImmutableArray.CreateBuilder<(string, string?)>(arguments.Length);
        foreach (var (name, value) in arguments)
        {
            var parameter = parameters.FirstOrDefault(candidate => candidate.Name == name);
            if (parameter is null)
                return null;
            if (value == name)
                read.Add((name, null));
            else if (parameter.HasExplicitDefaultValue && value == DefaultOf(parameter))
                read.Add((name, ""));
            else if (IsConstant(value) || parameter.Type.TypeKind == TypeKind.Enum)
                read.Add((name, value));
            else
                return null;
        }

        return read.ToImmutable();
    }

    /// <summary>A parameter's default as arguments are described.</summary>
    public static string DefaultOf(IParameterSymbol parameter) => parameter.ExplicitDefaultValue switch
    {
        null => "null",
        bool truth => truth ? "true" : "false",
        var value when parameter.Type is INamedTypeSymbol { TypeKind: TypeKind.Enum } enumeration =>
            enumeration.GetMembers().OfType<IFieldSymbol>().FirstOrDefault(member => member.HasConstantValue && Equals(member.ConstantValue, value))?.Name ?? "?",
        float number => ((double)number).ToString(CultureInfo.InvariantCulture),
        var value => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };

    /// <summary>Truths, the library's own words and what the reading itself says; a variable's name is none.</summary>
    private static bool IsWord(string meaning, string text) =>
        text is "true" or "false" or "null" || meaning == "index" || (Words.Contains(meaning) && text.Length > 0 && char.IsUpper(text[0]) && text.All(char.IsLetterOrDigit));

    private static bool IsConstant(string value) => value is "true" or "false" or "null" || double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out _);

    private static ImmutableArray<(string, Role, ImmutableDictionary<string, Constant>)> Starts(ModelLayer layer, Dictionary<string, string> symbols) => layer.Parameters
        .Where(parameter => !parameter.Initialization.IsDefault)
        .Select(parameter => (parameter.Name, parameter.Initialization.Role, Constants(parameter.Initialization.Constants, symbols))).ToImmutableArray();

    private static ImmutableDictionary<string, Constant> Constants(ImmutableDictionary<string, Constant> constants, Dictionary<string, string> symbols)
    {
        var written = Constant.None.ToBuilder();
        foreach (var pair in constants)
        {
            written[pair.Key] = pair.Value.Sizes.IsEmpty
                ? new Constant(ImmutableArray<Size>.Empty, IsWord(pair.Key, pair.Value.Text) ? pair.Value.Text : "?")
                : new Constant(pair.Value.Sizes.Select(size => size.IsKnown ? size : Size.Named(SymbolOf(size.Text))).ToImmutableArray(), "");
        }

        return written.ToImmutable();

        // Two sizes of one text are the same number: that is all that the text says.
        string SymbolOf(string text)
        {
            if (!symbols.TryGetValue(text, out var symbol))
                symbols.Add(text, symbol = "$" + (symbols.Count + 1).ToString(CultureInfo.InvariantCulture));
            return symbol;
        }
    }
}
