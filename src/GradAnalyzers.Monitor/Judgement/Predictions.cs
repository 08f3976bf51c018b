using System.Globalization;
using System.Reflection;
using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Judgement;

/// <summary>
/// What the analyzers predicted of a model when it was built: the facts that the build wrote into its assembly (docs/facts.md). Read once, by reflection; nothing is configured.
/// What is no text of this version is ignored.
/// </summary>
internal sealed class Predictions
{
    private const string Key = "GradAnalyzers", Version = "1";

    /// <summary>More text than any build writes of one member is not read.</summary>
    private const int MostText = 65_536;

    /// <summary>In powers of ten: a factor of two.</summary>
    private const double Agreement = 0.3;

    private readonly Dictionary<string, double> relative = [];

    /// <summary>Why nothing could be read, where there was something; null otherwise.</summary>
    public string? Problem { get; private init; }

    /// <summary>log10 of the predicted norm of a parameter's gradient, relative to the largest of the model; NaN where nothing was predicted.</summary>
    public double Of(string parameter) => relative.TryGetValue(parameter, out var value) ? value : double.NaN;

    public bool IsEmpty => relative.Count == 0;

    /// <summary>The predictions of a model: by its class, of several models together by theirs; of a Sequential by the paths of its parameters.</summary>
    public static Predictions For(nn.Module model)
    {
        (string Prefix, nn.Module Module)[] roots = model is NamedModules ? [.. model.named_children().Select(child => (child.name + ".", child.module))] : [("", model)];
        var problems = new List<string>();
        var found = new Dictionary<string, double>();
        foreach (var (prefix, module) in roots)
        {
            foreach (var (path, value) in Settled(module, problems))
                found[prefix + path] = value;
        }

        var result = new Predictions { Problem = problems.Count == 0 ? null : problems[0] };
        foreach (var (path, value) in found)
            result.relative[path] = value;
        return result;
    }

    /// <summary>
    /// Of the predictions that are about all weights of the model what they agree on: what two models with the same paths are predicted to have says nothing of which one this is.
    /// </summary>
    private static IEnumerable<KeyValuePair<string, double>> Settled(nn.Module module, List<string> problems)
    {
        var parameters = module.named_parameters().ToArray();
        var paths = parameters.Select(p => p.name).ToHashSet();
        string[] weights = [.. parameters.Where(p => p.parameter.dim() > 1).Select(p => p.name)];
        Dictionary<string, double>[] whole = [.. Facts(module, problems).Where(candidate => candidate.Count >= 2 && candidate.Keys.All(paths.Contains) && weights.All(candidate.ContainsKey))];
        return whole.Length == 0 ? [] : whole[0].Where(pair => whole.All(other => other.TryGetValue(pair.Key, out var value) && Math.Abs(value - pair.Value) <= Agreement));
    }

    private static IEnumerable<Dictionary<string, double>> Facts(nn.Module module, List<string> problems)
    {
        var type = module.GetType();
        var isOwn = type.Assembly != typeof(nn.Module).Assembly;
        var wanted = "T:" + (type.IsGenericType ? type.GetGenericTypeDefinition() : type).FullName?.Replace('+', '.');
        // Who puts a Sequential together is not to be seen in it: the program, or a project whose layers are in it.
        var assemblies = isOwn ? [type.Assembly] : module.modules().Select(child => child.GetType().Assembly).Append(Assembly.GetEntryAssembly()).OfType<Assembly>().Where(assembly => assembly != typeof(nn.Module).Assembly).Distinct();
        foreach (var text in assemblies.SelectMany(assembly => assembly.GetCustomAttributes<AssemblyMetadataAttribute>()).Where(attribute => attribute.Key == Key).Select(attribute => attribute.Value ?? ""))
        {
            var words = text.Length <= MostText ? text.Split(' ') : [];
            if (words is not [Version, { Length: > 2 } id, ..])
            {
                problems.Add($"the assembly of '{type.Name}' carries predictions that this version can't read (they begin with '{Names.Plain(text[..Math.Min(text.Length, 20)])}'). They are ignored: use one version of GradAnalyzers for build and monitor.");
                continue;
            }

            if (isOwn ? id != wanted : !id.StartsWith("S:", StringComparison.Ordinal))
                continue;
            foreach (var word in words.Where(word => word.StartsWith("predicts=", StringComparison.Ordinal)))
            {
                if (Read(word["predicts=".Length..]) is { } read)
                    yield return read;
                else
                    problems.Add($"the prediction of '{type.Name}' in its assembly is damaged, and is ignored. Build the project again.");
            }
        }
    }

    /// <summary><c>vanishing;fc1:-6.7,-6.9;embedding.weight=0</c>.</summary>
    private static Dictionary<string, double>? Read(string text)
    {
        var read = new Dictionary<string, double>();
        foreach (var part in text.Split(';').Skip(1))
        {
            var (layer, both) = Split(part, ':');
            var (path, value) = both is null ? Split(part, '=') : (layer + ".weight", Split(both, ',').First);
            if (Plain(path) is not { } name || Number(value) is not { } number)
                return null;
            read[name] = number;
            if (both is null)
                continue;
            if (Plain(layer + ".bias") is not { } bias || Number(Split(both, ',').Second) is not { } second)
                return null;
            read[bias] = second;
        }

        return read;
    }

    private static (string First, string? Second) Split(string text, char separator) => text.IndexOf(separator) is >= 0 and var at ? (text[..at], text[(at + 1)..]) : (text, null);

    private static double? Number(string? text) =>
        double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && Math.Abs(number) < 1000 ? number : null;

    private static string? Plain(string text)
    {
        for (var at = text.IndexOf('%'); at >= 0; at = text.IndexOf('%', at + 1))
        {
            if (at + 5 > text.Length || !ushort.TryParse(text.AsSpan(at + 1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
                return null;
            text = text[..at] + (char)code + text[(at + 5)..];
        }

        return text;
    }
}
