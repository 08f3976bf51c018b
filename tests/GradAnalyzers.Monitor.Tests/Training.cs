using TorchSharp.Modules;
using static TorchSharp.torch;

// The random seed and the count of tensors belong to the whole process.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]
[assembly: GradAnalyzers.Monitor.Tests.Seeded]

namespace GradAnalyzers.Monitor.Tests;

/// <summary>Small real trainings for the tests.</summary>
internal static class Training
{
    /// <summary>The elements of a tensor. It stays until they are read: its finalizer would take the memory away under the copy.</summary>
    public static double[] Numbers(Tensor tensor)
    {
        var flat = tensor.to(ScalarType.Float64).flatten();
        var numbers = flat.data<double>().ToArray();
        GC.KeepAlive(flat);
        return numbers;
    }

    /// <summary>Look at every step, at once, without patience: what is to be seen is seen.</summary>
    public static readonly GradientMonitorOptions Closely = new() { WarmUp = 1, Every = 1, DetailEvery = 1, Patience = 2 };

    public static Sequential Mlp(int width = 8, int depth = 2, Func<nn.Module<Tensor, Tensor>>? activation = null)
    {
        var layers = new List<(string, nn.Module<Tensor, Tensor>)>();
        for (var i = 0; i < depth; i++)
        {
            layers.Add(($"fc{i}", nn.Linear(width, width)));
            layers.Add(($"act{i}", activation?.Invoke() ?? nn.Tanh()));
        }
        layers.Add(("out", nn.Linear(width, 1)));
        return nn.Sequential(layers);
    }

    /// <summary>Trains with SGD on a fixed random batch; <paramref name="observe"/> stands between backward and step.</summary>
    public static void Steps(nn.Module<Tensor, Tensor> model, int steps, Action<Tensor> observe, double rate = 0.01, int width = 8)
    {
        using var x = randn(16, width);
        using var y = randn(16, 1);
        using var optimizer = optim.SGD(model.parameters(), rate);
        for (var i = 0; i < steps; i++)
        {
            using var scope = NewDisposeScope();
            optimizer.zero_grad();
            var loss = nn.functional.mse_loss(model.call(x), y);
            loss.backward();
            observe(loss);
            optimizer.step();
        }
    }
}

/// <summary>Every test begins with the same random numbers, whichever ran before it.</summary>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class SeededAttribute : Xunit.v3.BeforeAfterTestAttribute
{
    public override void Before(System.Reflection.MethodInfo methodUnderTest, Xunit.v3.IXunitTest test) => manual_seed(1);
}
