using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

/// <summary>Tasks that a small network learns in seconds.</summary>
public static class Data
{
    /// <summary>Points around as many centers as there are classes.</summary>
    public static (Tensor X, Tensor Y) Blobs(int samples, int features, int classes)
    {
        var centers = randn(classes, features) * 2;
        var y = randint(0, classes, samples, dtype: int64);
        return (centers.index_select(0, y) + randn(samples, features), y);
    }

    /// <summary>Points of the plane: inside of the ring, or outside.</summary>
    public static (Tensor X, Tensor Y) Rings(int samples)
    {
        var x = randn(samples, 2);
        return (x, x.square().sum(1, keepdim: true).gt(1.4).to_type(float32));
    }

    /// <summary>Sequences, and for each its sum so far at each step.</summary>
    public static (Tensor X, Tensor Y) Sums(int sequences, int steps)
    {
        var x = rand(sequences, steps, 1) - 0.3;
        return (x, x.cumsum(1));
    }
}

/// <summary>What is measured.</summary>
public static class Figures
{
    /// <summary>The gradient of the first weight over that of the last.</summary>
    public static double FirstToLast(nn.Module model)
    {
        var weights = model.parameters().Where(parameter => parameter.dim() >= 2 && parameter.grad is not null).ToList();
        return Norm(weights[0].grad!) / Norm(weights[^1].grad!);
    }

    /// <summary>How far parameters are from where they were.</summary>
    public static double Moved(IEnumerable<Tensor> before, IEnumerable<Parameter> now) =>
        Math.Sqrt(before.Zip(now, (first, second) => Math.Pow(Norm(second.detach() - first), 2)).Sum());

    public static List<Tensor> Copy(IEnumerable<Parameter> parameters) => parameters.Select(parameter => parameter.detach().clone()).ToList();

    private static double Norm(Tensor tensor) => Math.Sqrt(tensor.detach().to_type(float64).square().sum().item<double>());
}
