using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Models;

namespace GradAnalyzers.Facts;

/// <summary>
/// The text of a fact, as docs/facts.md describes it: <c>1 T:Shop.CharLstm recurrent=14 weights forward=…</c>. What cannot be read (another version, a damaged text, a word of a later day) is ignored.
/// </summary>
internal static class FactText
{
    /// <summary>The key of the assembly's metadata attributes.</summary>
    public const string Key = "GradAnalyzers";

    /// <summary>The version that is written, and the only one that is read.</summary>
    public const string Version = "1";

    /// <summary>Characters of one forward; a longer one is left out.</summary>
    public const int MaximumForward = 3_600;

    private const int MaximumNodes = 1_000;

    public static string Write(MemberFact fact)
    {
        var text = new StringBuilder(Version).Append(' ').Append(fact.Id);
        if (fact.Module is { } module)
        {
            text.Append(" module");
            if (module.Name is { } name)
                text.Append('=').Append(Escaped(name));
            if (module.IsRecurrent)
                text.Append(" recurrent").Append(module.Reach is { } reach ? "=" + reach.ToString(CultureInfo.InvariantCulture) : "");
            if (module.HasWeights)
                text.Append(" weights");
            if (module.IsJudged)
                text.Append(" judged");
            foreach (var forward in module.Forwards.Select(Write).Where(forward => forward.Length <= MaximumForward))
                text.Append(" forward=").Append(forward);
        }

        foreach (var prediction in fact.Predictions.Select(Write).Where(prediction => prediction.Length <= MaximumForward).Distinct())
            text.Append(" predicts=").Append(prediction);
        if (fact.Gradients is { } gradients)
        {
            text.Append(" gradients");
            Append("clips", gradients.Clips);
            Append("clears", gradients.Clears);
            Append("trains", gradients.Trains);
            if (gradients.IsByHand)
                text.Append(" by-hand");
        }

        return text.ToString();

        void Append(string word, ImmutableArray<int> parameters)
        {
            if (!parameters.IsEmpty)
                text.Append(' ').Append(word).Append('=').Append(Joined(parameters));
        }
    }

    /// <summary>The fact in a text; null where it is none of this version.</summary>
    public static MemberFact? Read(string? text)
    {
        var words = text?.Split(' ');
        if (words is not [Version, { Length: > 2 } id, _, ..])
            return null;
        try
        {
            return new MemberFact(id)
            {
                Module = words.Skip(2).Select(ValueOf("module")).FirstOrDefault(value => value is not null) is { } name ? Module(name, words) : null,
                Predictions = words.Select(ValueOf("predicts")).Where(value => value is { Length: > 0 }).Select(value => Prediction(value!)).ToImmutableArray(),
                Gradients = words.Skip(2).Contains("gradients") ? new GradientFact(Numbers("clips", words), Numbers("clears", words), Numbers("trains", words), words.Contains("by-hand")) : null,
            };
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static ModuleFact Module(string name, string[] words) => new(
        name.Length == 0 ? null : Unescaped(name),
        words.Select(ValueOf("recurrent")).Any(value => value is not null),
        words.Select(ValueOf("recurrent")).FirstOrDefault(value => value is not null) is { Length: > 0 } reach ? Number(reach) : null,
        words.Contains("weights"),
        words.Select(ValueOf("forward")).Where(value => value is { Length: > 0 }).Select(value => Forward(value!)).ToImmutableArray(),
        words.Contains("judged"));

    private static Func<string, string?> ValueOf(string word) => candidate =>
        candidate == word ? "" : candidate.StartsWith(word + "=", StringComparison.Ordinal) ? candidate[(word.Length + 1)..] : null;

    private static ImmutableArray<int> Numbers(string word, string[] words) =>
        words.Select(ValueOf(word)).FirstOrDefault(value => value is { Length: > 0 })?.Split(',').Select(Number).ToImmutableArray() ?? ImmutableArray<int>.Empty;

    /// <summary><c>width,bias=,depth=3;input;0.fc:Linear(fan_in=$width);Sigmoid;Add&lt;1,2&gt;2,3</c>.</summary>
    public static string Write(ForwardFact forward)
    {
        var text = new StringBuilder(string.Join(",", forward.Parameters.Select(parameter => parameter.Value is { } value ? $"{Escaped(parameter.Name)}={Escaped(value)}" : Escaped(parameter.Name))));
        var written = new HashSet<string>(StringComparer.Ordinal);
        for (var index = 0; index < forward.Nodes.Length; index++)
        {
            var node = forward.Nodes[index];
            text.Append(';');
            if (node.Layer is { } layer && !written.Add(layer.Path))
            {
                text.Append(Escaped(layer.Path)).Append(":*");
            }
            else
            {
                text.Append(node.Layer is { } used ? $"{Escaped(used.Path)}:{Escaped(used.Type)}" : node.Role.ToString());
                AppendConstants(text, node.Constants);
                foreach (var (parameter, role, constants) in node.Layer?.Starts ?? ImmutableArray<(string, Role, ImmutableDictionary<string, Constant>)>.Empty)
                {
                    text.Append('!').Append(Escaped(parameter)).Append(':').Append(role);
                    AppendConstants(text, constants);
                }
            }

            if (index > 0 && node.Inputs is not [var only] || (index > 0 && node.Inputs[0] != index - 1))
                text.Append('<').Append(Joined(node.Inputs));
        }

        if (forward.Outputs is not [var output] || output != forward.Nodes.Length - 1)
            text.Append('>').Append(Joined(forward.Outputs));
        return text.ToString();
    }

    /// <summary><c>vanishing;fc1:-6.7,-6.9;embedding.weight=0</c>: a layer with its weight and bias, or one parameter.</summary>
    private static string Write(PredictionFact prediction)
    {
        var text = new StringBuilder(prediction.Verdict);
        for (var index = 0; index < prediction.Parameters.Length; index++)
        {
            var (path, relative) = prediction.Parameters[index];
            text.Append(';');
            if (path.EndsWith(Weight, StringComparison.Ordinal) && index + 1 < prediction.Parameters.Length && prediction.Parameters[index + 1].Path == path[..^Weight.Length] + Bias)
                text.Append(Escaped(path[..^Weight.Length])).Append(':').Append(Decimal(relative)).Append(',').Append(Decimal(prediction.Parameters[++index].LogRelative));
            else
                text.Append(Escaped(path)).Append('=').Append(Decimal(relative));
        }

        return text.ToString();

        static string Decimal(double number) => number.ToString("0.#", CultureInfo.InvariantCulture);
    }

    private const string Weight = ".weight";
    private const string Bias = ".bias";

    private static PredictionFact Prediction(string text)
    {
        var parts = text.Split(';');
        var parameters = ImmutableArray.CreateBuilder<(string, double)>(2 * parts.Length);
        foreach (var part in parts.Skip(1))
        {
            var (layer, both) = Split(part, ':');
            if (both is not null)
            {
                var (weight, bias) = Split(both, ',');
                parameters.Add((Unescaped(layer) + Weight, Decimal(weight)));
                parameters.Add((Unescaped(layer) + Bias, Decimal(bias)));
                continue;
            }

            var (path, value) = Split(part, '=');
            parameters.Add((Unescaped(path), Decimal(value)));
        }

        return new PredictionFact(parts[0], parameters.ToImmutable());

        static double Decimal(string? number) => double.TryParse(number, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) ? value : throw new FormatException();
    }

    private static ForwardFact Forward(string text)
    {
        var (body, returned) = Split(text, '>');
        var parts = body.Split(';');
        if (parts.Length is < 2 or > MaximumNodes)
            throw new FormatException();
        var parameters = parts[0].Length == 0 ? [] : parts[0].Split(',').Select(part => Split(part, '=')).Select(part => (Unescaped(part.First), part.Second is { } value ? Unescaped(value) : null));
        var layers = new Dictionary<string, NodeFact>(StringComparer.Ordinal);
        var nodes = ImmutableArray.CreateBuilder<NodeFact>(parts.Length - 1);
        foreach (var part in parts.Skip(1))
            nodes.Add(Node(part, nodes.Count, layers));
        if (nodes[0].Role != Role.Input)
            throw new FormatException();
        return new ForwardFact(parameters.ToImmutableArray(), nodes.ToImmutable(), returned is null ? ImmutableArray.Create(nodes.Count - 1) : References(returned, nodes.Count));
    }

    private static NodeFact Node(string text, int index, Dictionary<string, NodeFact> layers)
    {
        var (body, read) = Split(text, '<');
        var inputs = index == 0 ? ImmutableArray<int>.Empty : read is null ? ImmutableArray.Create(index - 1) : read.Length == 0 ? ImmutableArray<int>.Empty : References(read, index);
        var pieces = body.Split('!');
        var (head, constants) = Call(pieces[0]);
        var (first, second) = Split(head, ':');
        if (second is null)
            return new NodeFact(RoleOf(first), inputs, null, constants);
        var path = Unescaped(first);
        if (second == "*")
            return layers.TryGetValue(path, out var known) ? known with { Inputs = inputs } : throw new FormatException();
        var starts = pieces.Skip(1).Select(Call).Select(start => (Place: Split(start.Head, ':'), start.Constants))
            .Select(start => (Unescaped(start.Place.First), RoleOf(start.Place.Second ?? ""), start.Constants));
        // What a layer is, its class decides.
        return layers[path] = new NodeFact(Role.Module, inputs, new LayerFact(path, Unescaped(second), starts.ToImmutableArray()), constants);
    }

    /// <summary><c>Linear(fan_in=$width,bias=false)</c>.</summary>
    private static (string Head, ImmutableDictionary<string, Constant> Constants) Call(string text)
    {
        var (head, rest) = Split(text, '(');
        if (rest is null)
            return (head, Constant.None);
        if (!rest.EndsWith(")", StringComparison.Ordinal))
            throw new FormatException();
        var constants = Constant.None.ToBuilder();
        foreach (var (name, value) in rest[..^1].Split(',').Select(part => Split(part, '=')))
            constants[name] = value is null ? throw new FormatException() : ConstantOf(value);
        return (head, constants.ToImmutable());
    }

    private static void AppendConstants(StringBuilder text, ImmutableDictionary<string, Constant> constants)
    {
        if (constants.IsEmpty)
            return;
        text.Append('(').Append(string.Join(",", constants.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={TextOf(pair.Value)}"))).Append(')');
    }

    private static string TextOf(Constant constant) => constant.Sizes.IsDefaultOrEmpty ? Escaped(constant.Text) : string.Join("*", constant.Sizes.Select(size => Escaped(size.Text)));

    private static Constant ConstantOf(string value)
    {
        var sizes = value.Split('*').Select(Unescaped).Select(SizeOf).ToImmutableArray();
        if (sizes.Any(size => size is null))
            return new Constant(ImmutableArray<Size>.Empty, Unescaped(value));
        return new Constant(sizes.Select(size => size!.Value).ToImmutableArray(), sizes.Length == 1 ? sizes[0]!.Value.Text : $"({string.Join(", ", sizes.Select(size => size!.Value.Text))})");
    }

    private static Size? SizeOf(string text) => text.StartsWith("$", StringComparison.Ordinal) ? Size.Named(text)
        : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? Size.Of(number) : null;

    private static Role RoleOf(string name) =>
        name.Length > 0 && char.IsLetter(name[0]) && Enum.TryParse<Role>(name, out var role) ? role : throw new FormatException();

    private static ImmutableArray<int> References(string text, int below)
    {
        var numbers = text.Split(',').Select(Number).ToImmutableArray();
        return numbers.All(number => number < below) ? numbers : throw new FormatException();
    }

    private static int Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw new FormatException();

    private static string Joined(ImmutableArray<int> numbers) => string.Join(",", numbers.Select(number => number.ToString(CultureInfo.InvariantCulture)));

    private static (string First, string? Second) Split(string text, char separator) =>
        text.IndexOf(separator) is >= 0 and var place ? (text[..place], text[(place + 1)..]) : (text, null);

    /// <summary>All but letters, digits and a few signs as <c>%</c> and four hexadecimal digits.</summary>
    private static string Escaped(string text)
    {
        if (text.All(IsPlain))
            return text;
        var escaped = new StringBuilder();
        foreach (var character in text)
        {
            if (IsPlain(character))
                escaped.Append(character);
            else
                escaped.Append('%').Append(((int)character).ToString("X4", CultureInfo.InvariantCulture));
        }

        return escaped.ToString();
    }

    private static bool IsPlain(char character) => character is (>= 'a' and <= 'z') or (>= 'A' and <= 'Z') or (>= '0' and <= '9') or '_' or '.' or '-' or '+' or '$' or '?';

    private static string Unescaped(string text)
    {
        if (text.IndexOf('%') < 0)
            return text;
        var plain = new StringBuilder();
        for (var index = 0; index < text.Length; index++)
        {
            if (text[index] != '%')
                plain.Append(text[index]);
            else if (index + 4 < text.Length && ushort.TryParse(text.Substring(index + 1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
                (_, index) = (plain.Append((char)code), index + 4);
            else
                throw new FormatException();
        }

        return plain.ToString();
    }
}
