using GradAnalyzers.GradientFlow;
using N = GradAnalyzers.GradientFlow.Network;

namespace GradAnalyzers.Accuracy;

internal sealed class Builder
{
    private readonly List<NetworkNode> nodes = [];
    public int At { get; private set; }
    public int Input(int features, params int[] positions) => Push(new Input(features, [.. positions]), [], null);
    public int Push(Layer layer, int[] inputs, string? path) { nodes.Add(new(layer, [.. inputs], path)); return At = nodes.Count - 1; }
    public int Then(Layer layer, string? path = null) => Push(layer, [At], path);
    public int Act(ActivationKind kind, double p = double.NaN) => Then(new Activation(kind, p));
    public int Lin(int i, int o, string path, bool bias = true) => Then(Linear.Default(i, o, bias), path);
    public N Build(Loss loss) => new([.. nodes], At, loss) { Assumptions = new(Case.Batch) };
}

internal static class ByHand
{
    public static N? Of(Case c)
    {
        var name = c.Name[4..c.Name.IndexOf('(')];
        var args = c.Name[(c.Name.IndexOf('(') + 1)..^1].Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        int A(int i) => int.Parse(args[i]);
        double D(int i) => double.Parse(args[i], System.Globalization.CultureInfo.InvariantCulture);
        var b = new Builder();
        var size = c.InputSize;
        switch (name)
        {
            case "SigmoidStack": return Stack(ActivationKind.Sigmoid);
            case "TanhStack": return Stack(ActivationKind.Tanh);
            case "ReluStack": return Stack(ActivationKind.ReLU, w: args.Length > 3 ? n => Distribution.Kaiming(n, Math.Sqrt(2)) : null);
            case "GeluStack": return Stack(ActivationKind.GELU);
            case "EluStack": return Stack(ActivationKind.ELU);
            case "SoftplusStack": return Stack(ActivationKind.Softplus);
            case "SeluStack": return Stack(ActivationKind.SELU);
            case "LeakyReluStack": return Stack(ActivationKind.LeakyReLU, 0.1, bias: false);
            case "XavierTanhStack": return Stack(ActivationKind.Tanh, w: n => Distribution.Xavier(n, n));
            case "OrthogonalTanhStack": return Stack(ActivationKind.Tanh, w: n => Distribution.Orthogonal(n, n));
            case "XavierSigmoidStack":
                {
                    b.Input(A(1));
                    for (var i = 0; i < A(0) - 1; i++) { b.Then(new Linear(A(1), A(1), Distribution.Xavier(A(1), A(1)), Distribution.TorchDefault(A(1))), $"layers.{2 * i}"); b.Act(ActivationKind.Sigmoid); }
                    b.Then(new Linear(A(1), A(2), Distribution.Xavier(A(1), A(2)), Distribution.TorchDefault(A(1))), $"layers.{2 * (A(0) - 1)}");
                    return b.Build(c.Loss);
                }
            case "NormalReluStack":
                {
                    b.Input(A(1));
                    for (var i = 0; i < A(0) - 1; i++) { b.Then(new Linear(A(1), A(1), Distribution.Normal(0, D(3)), null), $"hidden.{i}"); b.Act(ActivationKind.ReLU); }
                    b.Then(new Linear(A(1), A(2), Distribution.Normal(0, D(3)), null), "head");
                    return b.Build(c.Loss);
                }
            case "NormalTanhStack":
                {
                    b.Input(A(1));
                    for (var i = 0; i < A(0) - 1; i++) { b.Then(new Linear(A(1), A(1), Distribution.Normal(0, D(3)), Distribution.TorchDefault(A(1))), $"hidden.{i}"); b.Act(ActivationKind.Tanh); }
                    b.Lin(A(1), A(2), "head");
                    return b.Build(c.Loss);
                }
            case "SiluStack":
                {
                    b.Input(A(1));
                    b.Lin(A(1), A(2), "layers.in"); b.Act(ActivationKind.SiLU);
                    for (var i = 0; i < A(0) - 2; i++) { b.Lin(A(2), A(2), $"layers.fc{i}"); b.Act(ActivationKind.SiLU); }
                    b.Lin(A(2), A(3), "layers.out");
                    return b.Build(c.Loss);
                }
            case "Funnel":
                b.Input(512);
                for (var (i, n) = (1, 512); n > 32; i++, n /= 2) { b.Lin(n, n / 2, $"fc{i}"); b.Act(ActivationKind.ReLU); }
                b.Lin(32, 10, "fc5");
                return b.Build(c.Loss);
            case "Autoencoder":
                b.Input(64);
                b.Lin(64, 32, "encoder.0"); b.Act(ActivationKind.Sigmoid);
                b.Lin(32, 16, "encoder.2"); b.Act(ActivationKind.Sigmoid);
                b.Lin(16, 8, "encoder.4"); b.Act(ActivationKind.Sigmoid);
                b.Lin(8, 16, "decoder.0"); b.Act(ActivationKind.Sigmoid);
                b.Lin(16, 32, "decoder.2"); b.Act(ActivationKind.Sigmoid);
                b.Lin(32, 64, "decoder.4");
                return b.Build(c.Loss);
            case "BatchNormReluStack": return Normed(ActivationKind.ReLU, new BatchNorm(A(1)));
            case "BatchNormSigmoidStack": return Normed(ActivationKind.Sigmoid, new BatchNorm(A(1)));
            case "BatchNormTanhStack": return Normed(ActivationKind.Tanh, new BatchNorm(A(1)));
            case "LayerNormReluStack": return Normed(ActivationKind.ReLU, new LayerNorm(A(1)));
            case "LayerNormSigmoidStack": return Normed(ActivationKind.Sigmoid, new LayerNorm(A(1)));
            case "LayerNormGeluStack": return Normed(ActivationKind.GELU, new LayerNorm(A(1)));
            case "ResidualMlp":
                b.Input(A(1));
                b.Lin(A(1), A(1), "stem");
                for (var i = 0; i < A(0); i++)
                {
                    var x = b.At;
                    b.Lin(A(1), A(1), $"blocks.{i}.fc1"); b.Act(ActivationKind.Tanh); b.Lin(A(1), A(1), $"blocks.{i}.fc2");
                    b.Push(new Add(), [x, b.At], null);
                }
                b.Lin(A(1), A(2), "head");
                return b.Build(c.Loss);
            case "ResidualReluMlp":
                b.Input(A(1));
                for (var i = 0; i < A(0); i++)
                {
                    var x = b.At;
                    b.Lin(A(1), A(1), $"layers.{i}"); b.Act(ActivationKind.ReLU);
                    b.Push(new Add(), [x, b.At], null);
                }
                b.Lin(A(1), A(2), "head");
                return b.Build(c.Loss);
            case "PreNormMlp":
                b.Input(A(1));
                b.Lin(A(1), A(1), "layers.0");
                for (var i = 0; i < A(0); i++)
                {
                    var x = b.At;
                    b.Then(new LayerNorm(A(1)), $"layers.{i + 1}.norm");
                    b.Lin(A(1), 4 * A(1), $"layers.{i + 1}.up"); b.Act(ActivationKind.GELU); b.Lin(4 * A(1), A(1), $"layers.{i + 1}.down");
                    b.Push(new Add(), [x, b.At], null);
                }
                b.Then(new LayerNorm(A(1)), $"layers.{A(0) + 1}");
                b.Lin(A(1), A(2), $"layers.{A(0) + 2}");
                return b.Build(c.Loss);
            case "BatchNormResidualMlp":
                b.Input(A(1));
                b.Lin(A(1), A(1), "stem");
                for (var i = 0; i < A(0); i++)
                {
                    var x = b.At;
                    b.Lin(A(1), A(1), $"blocks.{i}.fc1"); b.Then(new BatchNorm(A(1)), $"blocks.{i}.bn1"); b.Act(ActivationKind.ReLU);
                    b.Lin(A(1), A(1), $"blocks.{i}.fc2"); b.Then(new BatchNorm(A(1)), $"blocks.{i}.bn2");
                    b.Push(new Add(), [x, b.At], null);
                    b.Act(ActivationKind.ReLU);
                }
                b.Lin(A(1), A(2), "head");
                return b.Build(c.Loss);
            case "SmallResNet":
                {
                    var w = A(1);
                    b.Input(3, (int)size[1], (int)size[2]);
                    Conv(3, w, 3, 1, 1, "conv", false); b.Then(new BatchNorm(w), "bn"); b.Act(ActivationKind.ReLU);
                    for (var i = 0; i < 2 * A(0); i++)
                    {
                        var (inp, outp, s) = i < A(0) ? (w, w, 1) : i == A(0) ? (w, 2 * w, 2) : (2 * w, 2 * w, 1);
                        var x = b.At;
                        Conv(inp, outp, 3, s, 1, $"stages.{i}.conv1", false); b.Then(new BatchNorm(outp), $"stages.{i}.bn1"); b.Act(ActivationKind.ReLU);
                        Conv(outp, outp, 3, 1, 1, $"stages.{i}.conv2", false); var y = b.Then(new BatchNorm(outp), $"stages.{i}.bn2");
                        if (s != 1)
                        {
                            b.Push(Convolution.Default(inp, outp, Window.Square(2, 1, s), false), [x], $"stages.{i}.shortcut.0");
                            x = b.Then(new BatchNorm(outp), $"stages.{i}.shortcut.1");
                        }
                        b.Push(new Add(), [y, x], null);
                        b.Act(ActivationKind.ReLU);
                    }
                    b.Then(AdaptivePooling.GlobalAverage); b.Then(new Flatten());
                    b.Lin(2 * w, 10, "fc");
                    return b.Build(c.Loss);
                }
            case "MnistNet":
                b.Input(1, 28, 28);
                Conv(1, 32, 3, 1, 0, "conv1"); b.Act(ActivationKind.ReLU);
                Conv(32, 64, 3, 1, 0, "conv2"); b.Act(ActivationKind.ReLU);
                b.Then(new MaxPooling(Window.Square(2, 2, 2))); b.Then(new Flatten());
                b.Lin(9216, 128, "fc1"); b.Act(ActivationKind.ReLU);
                b.Lin(128, 10, "fc2"); b.Then(new Softmax(true));
                return b.Build(new Loss(LossKind.NegativeLogLikelihood));
            case "LeNet":
                b.Input(1, 28, 28);
                Conv(1, 6, 5, 1, 2, "c1"); b.Act(ActivationKind.Tanh); b.Then(new AveragePooling(Window.Square(2, 2, 2)));
                Conv(6, 16, 5, 1, 0, "c3"); b.Act(ActivationKind.Tanh); b.Then(new AveragePooling(Window.Square(2, 2, 2)));
                Conv(16, 120, 5, 1, 0, "c5"); b.Act(ActivationKind.Tanh); b.Then(new Flatten());
                b.Lin(120, 84, "f6"); b.Act(ActivationKind.Tanh); b.Lin(84, 10, "output");
                return b.Build(c.Loss);
            case "VggNet":
                {
                    b.Input(3, (int)size[1], (int)size[2]);
                    var (channels, side, n) = (3, A(3), 0);
                    for (var s = 0; s < A(0); s++)
                    {
                        for (var i = 0; i < A(1); i++)
                        {
                            Conv(channels, A(2), 3, 1, 1, $"features.{n++}");
                            if (args[4] == "true") b.Then(new BatchNorm(A(2)), $"features.{n++}");
                            b.Act(ActivationKind.ReLU); n++;
                            channels = A(2);
                        }
                        b.Then(new MaxPooling(Window.Square(2, 2, 2))); n++;
                        side /= 2;
                    }
                    b.Then(new Flatten());
                    b.Lin(A(2) * side * side, 64, "classifier.0"); b.Act(ActivationKind.ReLU); b.Then(new Dropout(0.5)); b.Lin(64, 10, "classifier.3");
                    return b.Build(c.Loss);
                }
            case "StridedConvNet":
                b.Input(3, 32, 32);
                Conv(3, A(0), 3, 2, 1, "conv1"); b.Act(ActivationKind.ReLU);
                Conv(A(0), 2 * A(0), 3, 2, 1, "conv2"); b.Act(ActivationKind.ReLU);
                Conv(2 * A(0), 4 * A(0), 3, 2, 1, "conv3"); b.Act(ActivationKind.ReLU);
                b.Then(new Flatten()); b.Lin(4 * A(0) * 16, 10, "fc");
                return b.Build(c.Loss);
            case "PlainConvStack":
                b.Input(3, (int)size[1], (int)size[2]);
                for (var i = 0; i < A(0); i++) { Conv(i == 0 ? 3 : A(1), A(1), 3, 1, 1, $"convolutions.{i}"); b.Act(ActivationKind.ReLU); }
                b.Then(AdaptivePooling.GlobalAverage); b.Then(new Flatten()); b.Lin(A(1), 10, "head");
                return b.Build(c.Loss);
            case "GroupNormConvNet":
                b.Input(3, (int)size[1], (int)size[2]);
                Conv(3, A(1), 3, 1, 1, "layers.0");
                for (var i = 0; i < A(0); i++) { b.Then(new GroupNorm(4, A(1)), $"layers.{3 * i + 1}"); b.Act(ActivationKind.SiLU); Conv(A(1), A(1), 3, 1, 1, $"layers.{3 * i + 3}"); }
                b.Then(AdaptivePooling.GlobalAverage); b.Then(new Flatten()); b.Lin(A(1), 10, $"layers.{3 * A(0) + 3}");
                return b.Build(c.Loss);
            case "SignalNet":
                b.Input(4, 128);
                Conv1(4, A(0), 7, "conv1"); b.Act(ActivationKind.ReLU);
                Conv1(A(0), A(0), 5, "conv2"); b.Act(ActivationKind.ReLU);
                Conv1(A(0), A(0), 3, "conv3"); b.Act(ActivationKind.ReLU);
                b.Then(new AdaptivePooling([], true)); b.Then(new Flatten()); b.Lin(A(0), 5, "fc");
                return b.Build(c.Loss);
            case "ConvolutionalAutoencoder":
                b.Input(1, 28, 28);
                Conv(1, A(0), 4, 2, 1, "encoder.0"); b.Act(ActivationKind.ReLU);
                Conv(A(0), 2 * A(0), 4, 2, 1, "encoder.2"); b.Act(ActivationKind.ReLU);
                b.Then(Convolution.Default(2 * A(0), A(0), Window.Square(2, 4, 2, 1), transposed: true), "decoder.0"); b.Act(ActivationKind.ReLU);
                b.Then(Convolution.Default(A(0), 1, Window.Square(2, 4, 2, 1), transposed: true), "decoder.2");
                return b.Build(c.Loss);
            case "RnnClassifier": return Rec(RecurrentKind.Tanh, "rnn");
            case "LstmClassifier": return Rec(RecurrentKind.Lstm, "lstm");
            case "GruClassifier": return Rec(RecurrentKind.Gru, "gru");
            case "GruTagger":
                b.Input(A(0), (int)size[0]);
                b.Then(new Recurrent(RecurrentKind.Gru, A(0), A(1)), "gru");
                b.Lin(A(1), A(2), "fc");
                return b.Build(c.Loss);
            case "CharacterModel":
                b.Push(new Embedding(A(0), A(1), Distribution.StandardNormal, (int)size[0]), [], "embedding");
                b.Then(new Recurrent(RecurrentKind.Lstm, A(1), A(2)), "lstm");
                b.Lin(A(2), A(0), "fc");
                return b.Build(c.Loss);
        }

        return null;

        N Rec(RecurrentKind kind, string path)
        {
            b.Input(A(0), (int)size[0]);
            b.Then(new Recurrent(kind, A(0), A(1)) { Layers = A(2), LastStep = true }, path);
            b.Lin(A(1), A(3), "fc");
            return b.Build(c.Loss);
        }

        void Conv(int i, int o, int k, int s, int p, string path, bool bias = true) => b.Then(Convolution.Default(i, o, Window.Square(2, k, s, p), bias), path);
        void Conv1(int i, int o, int k, string path) => b.Then(Convolution.Default(i, o, Window.Square(1, k, 1, k / 2)), path);

        N Stack(ActivationKind kind, double p = double.NaN, bool bias = true, Func<int, Distribution>? w = null)
        {
            var seq = name is "SigmoidStack";
            b.Input(A(1));
            for (var i = 0; i < A(0) - 1; i++)
            {
                b.Then(new Linear(A(1), A(1), w?.Invoke(A(1)) ?? Distribution.TorchDefault(A(1)), !bias ? null : w is null ? Distribution.TorchDefault(A(1)) : Distribution.Constant(0)), seq ? $"layers.{2 * i}" : name == "EluStack" ? $"body.{2 * i}" : $"hidden.{i}");
                b.Act(kind, p);
            }

            b.Lin(A(1), A(2), seq ? $"layers.{2 * (A(0) - 1)}" : "head", bias);
            return b.Build(c.Loss);
        }

        N Normed(ActivationKind kind, Layer norm)
        {
            var seq = name is "BatchNormReluStack" or "LayerNormReluStack" or "LayerNormSigmoidStack";
            b.Input(A(1));
            for (var i = 0; i < A(0) - 1; i++)
            {
                b.Lin(A(1), A(1), seq ? $"layers.{3 * i}" : $"hidden.{i}");
                b.Then(norm, seq ? $"layers.{3 * i + 1}" : $"norms.{i}");
                b.Act(kind);
            }

            b.Lin(A(1), A(2), seq ? $"layers.{3 * (A(0) - 1)}" : "head");
            return b.Build(c.Loss);
        }
    }
}
