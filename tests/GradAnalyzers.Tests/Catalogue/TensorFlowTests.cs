using Xunit;

namespace GradAnalyzers.Tests.Catalogue;

/// <summary>
/// The catalogue of TensorFlow.NET that ships with the package, on declarations with the library's public names: the library itself is not referenced here.
/// </summary>
public sealed class TensorFlowTests
{
    private const string Declarations = """
        namespace Tensorflow
        {
            public class Tensor { public static Tensor operator -(Tensor one, Tensor other) => one; }
            public class Tensors : List<Tensor> { public static implicit operator Tensors(Tensor tensor) => new(); public static implicit operator Tensor(Tensors tensors) => new(); }
            public interface IVariableV1 { }
            public partial class tensorflow
            {
                public Gradients.GradientTape GradientTape(bool persistent = false, bool watch_accessed_variables = true) => new();
                public (Tensors, Tensor) clip_by_global_norm(Tensor[] t_list, float clip_norm, Tensor use_norm = null, string name = null) => default;
                public Tensor reduce_mean(Tensor input) => input;
                public Tensor square(Tensor input) => input;
            }

            public static class Binding
            {
                public static tensorflow tf { get; } = new();
                public static IEnumerable<(T1, T2)> zip<T1, T2>(IList<T1> t1, IList<T2> t2) => t1.Zip(t2);
            }

            public static class KerasApi { public static Keras.KerasInterface keras { get; } = new(); }
        }

        namespace Tensorflow.Gradients
        {
            public class GradientTape : IDisposable
            {
                public Tensor[] gradient(Tensor target, IEnumerable<IVariableV1> sources, List<Tensor> output_gradients = null) => null;
                public void Dispose() { }
            }
        }

        namespace Tensorflow.Keras
        {
            public interface ILayer { Tensors Apply(Tensors inputs, Tensors states = null, bool? training = false); List<IVariableV1> TrainableVariables { get; } }
            public class KerasInterface
            {
                public Layers.ILayersApi layers { get; }
                public OptimizerApi optimizers { get; } = new();
                public Engine.Sequential Sequential(List<ILayer> layers = null, string name = null) => null;
                public Engine.Sequential Sequential(params ILayer[] layers) => null;
            }

            public class OptimizerApi { public Engine.IOptimizer Adam(float learning_rate = 0.001f) => null; }
        }

        namespace Tensorflow.Keras.Engine
        {
            public interface IOptimizer { void apply_gradients(IEnumerable<(Tensor, IVariableV1)> grads_and_vars, string name = null, bool experimental_aggregate_gradients = true); }
            public interface IModel : ILayer { }
            public class Sequential : IModel
            {
                public void add(ILayer layer) { }
                public Tensors Apply(Tensors inputs, Tensors states = null, bool? training = false) => inputs;
                public List<IVariableV1> TrainableVariables { get; }
            }
        }

        namespace Tensorflow.Keras.Layers
        {
            public interface ILayersApi
            {
                ILayer Dense(int units);
                ILayer Embedding(int input_dim, int output_dim);
                ILayer LSTM(int units);
                ILayer GRU(int units);
                ILayer SimpleRNN(int units);
            }
        }
        """;

    private static string Catalogue { get; } = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Catalogues", "TensorFlow.NET.catalogue.txt"));

    [Theory]
    [InlineData("LSTM")]
    [InlineData("GRU")]
    [InlineData("SimpleRNN")]
    public async Task ATapeLoopOnARecurrentModelWithoutAClipIsReported(string layer) => Assert.Equal(
        ["GRAD2001 15: 'Sequential' is recurrent and is stepped without gradient clipping; call Tensorflow.tensorflow.clip_by_global_norm between backward and step"],
        await Loop($"var model = keras.Sequential(keras.layers.Embedding(64, 16), keras.layers.{layer}(32), keras.layers.Dense(64));",
            "optimizer.apply_gradients(zip(gradients, model.TrainableVariables));"));

    [Fact]
    public async Task LayersThatAreAddedLaterCount() => Assert.StartsWith(
        "GRAD2001",
        Assert.Single(await Loop(
            "var model = keras.Sequential(); model.add(keras.layers.Embedding(64, 16)); model.add(keras.layers.LSTM(32));",
            "optimizer.apply_gradients(zip(gradients, model.TrainableVariables));")));

    [Fact]
    public async Task AClippedTapeIsFineAndNothingHasToBeCleared() => Assert.Empty(await Loop(
        "var model = keras.Sequential(keras.layers.LSTM(32));",
        "var (clipped, norm) = tf.clip_by_global_norm(gradients, 1.0f); optimizer.apply_gradients(zip(clipped, model.TrainableVariables));"));

    [Fact]
    public async Task AModelWithoutRecurrenceIsFine() => Assert.Empty(await Loop(
        "var model = keras.Sequential(keras.layers.Dense(32), keras.layers.Dense(64));",
        "optimizer.apply_gradients(zip(gradients, model.TrainableVariables));"));

    private static Task<string[]> Loop(string model, string update) => AnalyzedProgram.Reports(Declarations, Catalogue, $$"""
        using Tensorflow;
        using static Tensorflow.Binding;
        using static Tensorflow.KerasApi;
        public static class Program
        {
            public static void Train(Tensor x, Tensor y)
            {
                {{model}}
                var optimizer = keras.optimizers.Adam();
                for (var i = 0; i < 10; i++)
                {
                    using var tape = tf.GradientTape();
                    var loss = tf.reduce_mean(tf.square(model.Apply(x) - y));
                    var gradients = tape.gradient(loss, model.TrainableVariables);
                    {{update}}
                }
            }
        }
        """);
}
