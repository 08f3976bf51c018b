using GradAnalyzers.GradientFlow;
using static TorchSharp.torch;

namespace GradAnalyzers.Accuracy;

/// <summary>Which target of accuracy a network is held to.</summary>
public enum Family
{
    Plain,
    Normalized,
    Convolutional,
    Residual,
    Recurrent,
    Attention,
    Gated,
}

/// <summary>What a network is trained on.</summary>
public enum Task
{
    Regression,
    Classification,
}

/// <summary>A network to predict and to measure.</summary>
/// <param name="Family">Which target it is held to.</param>
/// <param name="Name">The expression that creates it.</param>
/// <param name="Create">Creates it.</param>
/// <param name="InputSize">Size of one sample: features; channels, height, width; or time steps, features.</param>
/// <param name="Task">What it is trained on.</param>
/// <param name="Tokens">Above 0: the input are indices below this number.</param>
internal sealed record Case(Family Family, string Name, Func<nn.Module> Create, long[] InputSize, Task Task, int Tokens = 0)
{
    public const int Batch = 32;

    /// <summary>The first weight lies in a branch that a scale closes on purpose until it has grown: its small gradient is no fault, and the verdict rests on the attenuation.</summary>
    public bool IsScaledOnPurpose { get; init; }

    /// <summary>What the data tells and the source does not: the batch, the size of an image or the number of time steps.</summary>
    public Assumptions Assumptions => new(Batch, Image: (int)InputSize[^1], Steps: (int)InputSize[0]);

    /// <summary>Runs a model that <see cref="Create"/> made: one value, or one for each of its heads.</summary>
    public static Tensor[] Run(nn.Module model, Tensor input)
    {
        switch (model)
        {
            case nn.Module<Tensor, Tensor> single:
                return [single.forward(input)];
            case nn.Module<Tensor, (Tensor, Tensor)> pair:
                var (one, other) = pair.forward(input);
                return [one, other];
            case nn.Module<Tensor, (Tensor, Tensor, Tensor)> triple:
                var (first, second, third) = triple.forward(input);
                return [first, second, third];
            default:
                throw new InvalidOperationException($"'{model.GetName()}' gives neither one tensor nor two or three; add its kind here.");
        }
    }

    public Loss Loss => Task == Task.Regression ? Loss.MeanSquaredError : Loss.CrossEntropy;
}
