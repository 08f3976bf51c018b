using System.Text;

namespace GradAnalyzers.Benchmarks.Analyzers;

/// <summary>Source files as a large project might have: model classes of 20 layers in several styles, every tenth with gradients that vanish, every tenth file with a training loop.</summary>
internal static class GeneratedModels
{
    private const int Layers = 20;

    public static IReadOnlyList<string> Models(int count) => [.. Enumerable.Range(0, count).Select(Model)];

    /// <summary>Classes of 20 methods that have nothing to do with TorchSharp.</summary>
    public static IReadOnlyList<string> PlainClasses(int count) => [.. Enumerable.Range(0, count).Select(number =>
        $"public sealed class Plain{number}\n{{\n" + string.Concat(Enumerable.Range(0, Layers).Select(method =>
            $"    public int Step{method}(int x) {{ for (var i = 0; i < x; i++) x -= i * {method}; return x + {number}; }}\n")) + "}\n")];

    private static string Model(int number)
    {
        var width = 32 + number % 64;
        var text = new StringBuilder("using TorchSharp;\nusing TorchSharp.Modules;\nusing static TorchSharp.torch;\nusing static TorchSharp.torch.nn;\n\n");
        text.Append((number % 10) switch
        {
            9 => Fields(number, width, layer => $"x = functional.tanh(fc{layer}.forward(x));", ""),
            0 or 1 or 2 => Fields(number, width, layer => $"x = x + functional.relu(fc{layer}.forward(x));", ""),
            3 or 4 => Fields(number, width, layer => $"x = functional.relu(fc{layer}.forward(x));", "foreach (var layer in modules()) if (layer is Linear linear) init.kaiming_normal_(linear.weight);"),
            5 or 6 => Chain(number, width, layer => $"Linear({width}, {width}), BatchNorm1d({width}), ReLU()", Layers / 2),
            _ => Chain(number, width, layer => $"Conv2d({width}, {width}, 3, padding: 1), BatchNorm2d({width}), ReLU()", Layers / 2),
        });
        return number % 10 == 0 ? text.Append(Training(number)).ToString() : text.ToString();
    }

    private static string Fields(int number, int width, Func<int, string> step, string initialization) => $$"""
        public sealed class Model{{number}} : Module<Tensor, Tensor>
        {
            {{Lines(layer => $"private readonly TorchSharp.Modules.Linear fc{layer};")}}

            public Model{{number}}(long width = {{width}}) : base("Model{{number}}")
            {
                {{Lines(layer => $"fc{layer} = Linear(width, width);")}}
                RegisterComponents();
                {{initialization}}
            }

            public override Tensor forward(Tensor x)
            {
                {{Lines(step)}}
                return x;
            }
        }

        """;

    private static string Chain(int number, int width, Func<int, string> block, int blocks) => $$"""
        public sealed class Model{{number}} : Module<Tensor, Tensor>
        {
            private readonly Module<Tensor, Tensor> layers = Sequential(
                {{string.Join(",\n        ", Enumerable.Range(0, blocks).Select(block))}});

            public Model{{number}}(long width = {{width}}) : base("Model{{number}}")
            {
                RegisterComponents();
            }

            public override Tensor forward(Tensor x)
            {
                return layers.forward(x);
            }
        }

        """;

    private static string Training(int number) => $$"""
        public static class Training{{number}}
        {
            public static void Run(Tensor x, Tensor y)
            {
                var model = new Model{{number}}(64);
                var optimizer = torch.optim.Adam(model.parameters(), 1e-3);
                for (var epoch = 0; epoch < 10; epoch++)
                {
                    optimizer.zero_grad();
                    var loss = functional.mse_loss(model.forward(x), y);
                    loss.backward();
                    optimizer.step();
                }
            }
        }

        """;

    private static string Lines(Func<int, string> line) => string.Join("\n        ", Enumerable.Range(0, Layers).Select(line));
}
