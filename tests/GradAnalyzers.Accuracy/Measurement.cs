using static TorchSharp.torch;

namespace GradAnalyzers.Accuracy;

/// <summary>Gradients of a network at initialization, run on TorchSharp.</summary>
/// <param name="LogNorms">log10 of the gradient norm of each parameter by path, averaged over the seeds.</param>
/// <param name="Weights">Paths of the weights (matrices and kernels; not positions, tokens and scales), in the library's order.</param>
/// <param name="InputToOutput">log10 of the norm of the derivative with respect to the input over that with respect to the output, averaged over the seeds; NaN for token indices.</param>
/// <param name="Scatter">Standard deviation of log10 of the first/last ratio from seed to seed.</param>
internal sealed record Measurement(IReadOnlyDictionary<string, double> LogNorms, IReadOnlyList<string> Weights, double InputToOutput, double Scatter)
{
    /// <summary>Random initializations, each with random data of its own.</summary>
    public const int Seeds = 6;

    public static Measurement Of(Case network)
    {
        set_num_threads(1);
        var sums = new Dictionary<string, double>();
        var weights = new List<string>();
        var ratios = new List<double>();
        var inputToOutput = 0.0;
        for (var seed = 0; seed < Seeds; seed++)
        {
            using var scope = NewDisposeScope();
            random.manual_seed(1000 + seed);
            using var model = network.Create();
            model.train();
            long[] size = [Case.Batch, .. network.InputSize];
            var isTokens = network.Tokens > 0;
            var input = isTokens ? randint(network.Tokens, size, dtype: ScalarType.Int64) : randn(size).requires_grad_(true);
            var outputs = Case.Run(model, input);
            foreach (var output in outputs)
                output.retain_grad();
            var loss = outputs.Select(output => Loss(network, output)).Aggregate((sum, next) => sum + next);
            loss.backward();

            weights.Clear();
            foreach (var (path, parameter) in model.named_parameters())
            {
                using var gradient = parameter.grad;
                var norm = gradient is null ? 0 : Norm(gradient);
                sums[path] = sums.GetValueOrDefault(path) + Math.Log10(Math.Max(norm, 1e-40)) / Seeds;
                if (parameter.dim() >= 2 && path[(path.LastIndexOf('.') + 1)..].Contains("weight", StringComparison.Ordinal))
                    weights.Add(path);
            }

            inputToOutput += isTokens ? double.NaN : Math.Log10(Math.Max(Norm(input.grad!), 1e-40) / Math.Sqrt(outputs.Sum(output => Math.Pow(Norm(output.grad!), 2)))) / Seeds;
            var named = model.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter);
            ratios.Add(Math.Log10(Math.Max(Norm(named[weights[0]].grad!), 1e-40) / Math.Max(Norm(named[weights[^1]].grad!), 1e-40)));
        }

        var mean = ratios.Average();
        return new(sums, weights, inputToOutput, Math.Sqrt(ratios.Sum(ratio => (ratio - mean) * (ratio - mean)) / (Seeds - 1)));
    }

    /// <summary>Euclidean norm, summed in double precision: squares of a vanishing gradient would underflow.</summary>
    private static double Norm(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return Math.Sqrt(tensor.to(ScalarType.Float64).square().sum().item<double>());
    }

    private static Tensor Loss(Case network, Tensor output)
    {
        if (network.Task == Task.Regression)
            return nn.functional.mse_loss(output, randn_like(output));
        var classes = output.shape[^1];
        var rows = output.reshape(-1, classes);
        return output.dim() <= 3
            ? nn.functional.cross_entropy(rows, randint(classes, [rows.shape[0]], dtype: ScalarType.Int64))
            : throw new InvalidOperationException($"'{network.Name}' classifies, but its output has {output.dim()} dimensions.");
    }
}
