using System.Collections.Immutable;
using GradAnalyzers.Rules;
using GradAnalyzers.Tests.Models;
using Microsoft.CodeAnalysis.Diagnostics;
using Xunit;

namespace GradAnalyzers.Tests.Rules.Flow;

/// <summary>Models that train well, or do not train at all: no flow rule says a word.</summary>
public sealed class SilenceTests
{
    [Theory]
    [InlineData(AlexNet)]
    [InlineData(ResNet)]
    [InlineData(PreNormTransformer)]
    [InlineData(Generator)]
    [InlineData(Discriminator)]
    [InlineData(GatedNet)]
    [InlineData(Autoencoder)]
    [InlineData(ActorCritic)]
    [InlineData(CharacterModel)]
    [InlineData(PretrainedHead)]
    public async Task ModelsThatTrainAreFine(string model) => Assert.Empty(await Reports(model + Training.Step));

    [Fact]
    public async Task APortForInferenceIsFine() => Assert.Empty(await Reports(DeepSigmoids));

    [Fact]
    public async Task TheSameModelWithTrainingIsNot() => Assert.Equal(["GRAD1001"], await Reports(DeepSigmoids + Training.Step));

    [Theory]
    [InlineData("class Net : Module<Tensor, Tensor> { Linear a = Linear(1, 1); public override Tensor forward(Tensor x) => a.forward( ; }")]
    [InlineData("class Net : Module<Tensor, Tensor> { Net n = new Net(); public Net() : base(\"\") { apply(); RegisterComponents( } }")]
    [InlineData("class Net : Missing<Tensor> { Linear a = Linear(); Sequential s = Sequential(Linear(1, x), Sigmoid(, Linear(2; }")]
    public async Task CodeThatDoesNotCompileIsNoProblem(string code) => Assert.Empty(await Reports(code + Training.Step, allowErrors: true));

    private static async Task<IEnumerable<string>> Reports(string code, bool allowErrors = false)
    {
        var rules = typeof(Rule).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(FlowRule)) && !type.IsAbstract).Select(type => (DiagnosticAnalyzer)Activator.CreateInstance(type)!).ToImmutableArray();
        Assert.Equal(10, rules.Length);
        var diagnostics = await ModelSource.Compile(code, allowErrors).WithAnalyzers(rules).GetAnalyzerDiagnosticsAsync(TestContext.Current.CancellationToken);
        return diagnostics.Select(diagnostic => diagnostic.Id);
    }

    /// <summary>Krizhevsky et al. 2012, as TorchSharp's example has it.</summary>
    private const string AlexNet = """
        public sealed class AlexNet : Module<Tensor, Tensor>
        {
            private readonly Module<Tensor, Tensor> features;
            private readonly Module<Tensor, Tensor> avgPool;
            private readonly Module<Tensor, Tensor> classifier;

            public AlexNet(string name, int numClasses = 10) : base(name)
            {
                features = Sequential(
                    ("c1", Conv2d(3, 64, kernel_size: 3, stride: 2, padding: 1)), ("r1", ReLU(inplace: true)), ("mp1", MaxPool2d(kernel_size: new long[] { 2, 2 })),
                    ("c2", Conv2d(64, 192, kernel_size: 3, padding: 1)), ("r2", ReLU(inplace: true)), ("mp2", MaxPool2d(kernel_size: new long[] { 2, 2 })),
                    ("c3", Conv2d(192, 384, kernel_size: 3, padding: 1)), ("r3", ReLU(inplace: true)),
                    ("c4", Conv2d(384, 256, kernel_size: 3, padding: 1)), ("r4", ReLU(inplace: true)),
                    ("c5", Conv2d(256, 256, kernel_size: 3, padding: 1)), ("r5", ReLU(inplace: true)), ("mp3", MaxPool2d(kernel_size: new long[] { 2, 2 })));
                avgPool = AdaptiveAvgPool2d(new long[] { 2, 2 });
                classifier = Sequential(
                    ("d1", Dropout()), ("l1", Linear(256 * 2 * 2, 4096)), ("r1", ReLU(inplace: true)),
                    ("d2", Dropout()), ("l2", Linear(4096, 4096)), ("r3", ReLU(inplace: true)),
                    ("l3", Linear(4096, numClasses)));
                RegisterComponents();
            }

            public override Tensor forward(Tensor input)
            {
                var f = features.call(input);
                var avg = avgPool.call(f);
                var x = avg.view(new long[] { avg.shape[0], 256 * 2 * 2 });
                return classifier.call(x);
            }
        }
        """;

    /// <summary>He et al. 2016, basic blocks, 18 layers.</summary>
    private const string ResNet = """
        public sealed class BasicBlock : Module<Tensor, Tensor>
        {
            private readonly Conv2d conv1;
            private readonly BatchNorm2d bn1;
            private readonly Conv2d conv2;
            private readonly BatchNorm2d bn2;
            private readonly Sequential shortcut = Sequential();

            public BasicBlock(int inputs, int outputs, int stride) : base(nameof(BasicBlock))
            {
                conv1 = Conv2d(inputs, outputs, kernel_size: 3, stride: stride, padding: 1, bias: false);
                bn1 = BatchNorm2d(outputs);
                conv2 = Conv2d(outputs, outputs, kernel_size: 3, padding: 1, bias: false);
                bn2 = BatchNorm2d(outputs);
                if (stride != 1 || inputs != outputs)
                    shortcut = Sequential(Conv2d(inputs, outputs, kernel_size: 1, stride: stride, bias: false), BatchNorm2d(outputs));
                RegisterComponents();
            }

            public override Tensor forward(Tensor x)
            {
                var y = functional.relu(bn1.forward(conv1.forward(x)));
                y = bn2.forward(conv2.forward(y));
                return functional.relu(y.add_(shortcut.forward(x)));
            }
        }

        public sealed class ResNet : Module<Tensor, Tensor>
        {
            private readonly Module<Tensor, Tensor> layers;

            public ResNet() : base(nameof(ResNet))
            {
                var modules = new List<(string, Module<Tensor, Tensor>)>
                {
                    ("conv1", Conv2d(3, 64, kernel_size: 3, padding: 1, bias: false)), ("bnrm1", BatchNorm2d(64)), ("relu1", ReLU(inplace: true)),
                };
                var inputs = 64;
                foreach (var (width, stride) in new[] { (64, 1), (128, 2), (256, 2), (512, 2) })
                {
                    for (var i = 0; i < 2; i++)
                    {
                        modules.Add(($"block{width}-{i}", new BasicBlock(inputs, width, i == 0 ? stride : 1)));
                        inputs = width;
                    }
                }

                modules.Add(("avgpool", AdaptiveAvgPool2d(new long[] { 1, 1 })));
                modules.Add(("flatten", Flatten()));
                modules.Add(("linear", Linear(512, 10)));
                layers = Sequential(modules);
                RegisterComponents();
            }

            public override Tensor forward(Tensor input) => layers.call(input);
        }
        """;

    private const string PreNormTransformer = """
        public sealed class Block : Module<Tensor, Tensor>
        {
            private readonly LayerNorm ln1, ln2;
            private readonly MultiheadAttention attention;
            private readonly Linear up, down;

            public Block(int width) : base(nameof(Block))
            {
                ln1 = LayerNorm(width);
                ln2 = LayerNorm(width);
                attention = MultiheadAttention(width, 4);
                up = Linear(width, 4 * width);
                down = Linear(4 * width, width);
                RegisterComponents();
            }

            public override Tensor forward(Tensor x)
            {
                var h = ln1.forward(x);
                x = x + attention.forward(h, h, h, null, false, null).Item1;
                return x + down.forward(functional.gelu(up.forward(ln2.forward(x))));
            }
        }

        public sealed class Gpt : Module<Tensor, Tensor>
        {
            private readonly Embedding tokens = Embedding(1000, 64);
            private readonly ModuleList<Block> blocks = new();
            private readonly LayerNorm norm = LayerNorm(64);
            private readonly Linear head = Linear(64, 1000, hasBias: false);

            public Gpt(int depth = 24) : base(nameof(Gpt))
            {
                for (var i = 0; i < depth; i++)
                    blocks.Add(new Block(64));
                RegisterComponents();
            }

            public override Tensor forward(Tensor x)
            {
                x = tokens.forward(x);
                foreach (var block in blocks)
                    x = block.forward(x);
                return head.forward(norm.forward(x));
            }
        }
        """;

    /// <summary>Radford et al. 2016: tanh at the output only, weights from N(0, 0.02).</summary>
    private const string Generator = """
        public sealed class Generator : Module<Tensor, Tensor>
        {
            private readonly Sequential main = Sequential(
                ConvTranspose2d(100, 512, kernel_size: 4, stride: 1, padding: 0, bias: false), BatchNorm2d(512), ReLU(true),
                ConvTranspose2d(512, 256, kernel_size: 4, stride: 2, padding: 1, bias: false), BatchNorm2d(256), ReLU(true),
                ConvTranspose2d(256, 128, kernel_size: 4, stride: 2, padding: 1, bias: false), BatchNorm2d(128), ReLU(true),
                ConvTranspose2d(128, 64, kernel_size: 4, stride: 2, padding: 1, bias: false), BatchNorm2d(64), ReLU(true),
                ConvTranspose2d(64, 3, kernel_size: 4, stride: 2, padding: 1, bias: false), Tanh());

            public Generator() : base(nameof(Generator))
            {
                RegisterComponents();
                apply(module =>
                {
                    if (module is ConvTranspose2d conv)
                        init.normal_(conv.weight, 0, 0.02);
                    else if (module is BatchNorm2d norm)
                        init.normal_(norm.weight, 1.0, 0.02);
                });
            }

            public override Tensor forward(Tensor z) => main.call(z);
        }
        """;

    private const string Discriminator = """
        public sealed class Discriminator : Module<Tensor, Tensor>
        {
            private readonly Sequential main = Sequential(
                Conv2d(3, 64, kernel_size: 4, stride: 2, padding: 1, bias: false), LeakyReLU(0.2, true),
                Conv2d(64, 128, kernel_size: 4, stride: 2, padding: 1, bias: false), BatchNorm2d(128), LeakyReLU(0.2, true),
                Conv2d(128, 256, kernel_size: 4, stride: 2, padding: 1, bias: false), BatchNorm2d(256), LeakyReLU(0.2, true),
                Conv2d(256, 512, kernel_size: 4, stride: 2, padding: 1, bias: false), BatchNorm2d(512), LeakyReLU(0.2, true),
                Conv2d(512, 1, kernel_size: 4, bias: false), Sigmoid());

            public Discriminator() : base(nameof(Discriminator))
            {
                foreach (var module in main.modules())
                {
                    if (module is Conv2d conv)
                        init.normal_(conv.weight, 0, 0.02);
                }

                RegisterComponents();
            }

            public override Tensor forward(Tensor x) => main.call(x).view(-1, 1).squeeze(1);
        }
        """;

    /// <summary>Sigmoids that gate: multiplied, not stacked.</summary>
    private const string GatedNet = """
        public sealed class Highway : Module<Tensor, Tensor>
        {
            private readonly ModuleList<Linear> transforms = new();
            private readonly ModuleList<Linear> gates = new();

            public Highway() : base(nameof(Highway))
            {
                for (var i = 0; i < 12; i++)
                {
                    transforms.Add(Linear(64, 64));
                    gates.Add(Linear(64, 64));
                }

                RegisterComponents();
            }

            public override Tensor forward(Tensor x)
            {
                for (var i = 0; i < 12; i++)
                {
                    var gate = torch.sigmoid(gates[i].forward(x));
                    x = gate * functional.relu(transforms[i].forward(x)) + (1 - gate) * x;
                }

                return x;
            }
        }
        """;

    private const string Autoencoder = """
        public sealed class Autoencoder : Module<Tensor, Tensor>
        {
            private readonly Sequential encoder = Sequential(Linear(784, 128), ReLU(), Linear(128, 32), ReLU());
            private readonly Sequential decoder = Sequential(Linear(32, 128), ReLU(), Linear(128, 784), Sigmoid());

            public Autoencoder() : base(nameof(Autoencoder)) => RegisterComponents();

            public override Tensor forward(Tensor x) => decoder.forward(encoder.forward(x));
        }
        """;

    private const string ActorCritic = """
        public sealed class ActorCritic : Module<Tensor, (Tensor, Tensor)>
        {
            private readonly Linear fc1 = Linear(8, 64);
            private readonly Linear fc2 = Linear(64, 64);
            private readonly Linear policy = Linear(64, 4);
            private readonly Linear value = Linear(64, 1);

            public ActorCritic() : base(nameof(ActorCritic)) => RegisterComponents();

            public override (Tensor, Tensor) forward(Tensor x)
            {
                x = torch.tanh(fc1.forward(x));
                x = torch.tanh(fc2.forward(x));
                return (functional.softmax(policy.forward(x), -1), value.forward(x));
            }
        }
        """;

    private const string CharacterModel = """
        public sealed class CharacterModel : Module<Tensor, Tensor>
        {
            private readonly Embedding embedding = Embedding(64, 16);
            private readonly LSTM lstm = LSTM(16, 128, numLayers: 3, batchFirst: true);
            private readonly Linear head = Linear(128, 64);

            public CharacterModel() : base(nameof(CharacterModel)) => RegisterComponents();

            public override Tensor forward(Tensor x) => head.forward(lstm.call(embedding.forward(x)).Item1);
        }
        """;

    /// <summary>Loaded weights start as the file says.</summary>
    private const string PretrainedHead = """
        public sealed class Pretrained : Module<Tensor, Tensor>
        {
            private readonly Sequential body = Sequential(
                Linear(64, 64), Sigmoid(), Linear(64, 64), Sigmoid(), Linear(64, 64), Sigmoid(), Linear(64, 64), Sigmoid(), Linear(64, 64), Sigmoid(), Linear(64, 10));

            public Pretrained(string file) : base(nameof(Pretrained))
            {
                RegisterComponents();
                load(file);
            }

            public override Tensor forward(Tensor x) => body.forward(x);
        }
        """;

    private const string DeepSigmoids = """
        public sealed class DeepSigmoids : Module<Tensor, Tensor>
        {
            private readonly Sequential body = Sequential(
                Linear(64, 64), Sigmoid(), Linear(64, 64), Sigmoid(), Linear(64, 64), Sigmoid(), Linear(64, 64), Sigmoid(), Linear(64, 64), Sigmoid(), Linear(64, 10));

            public DeepSigmoids() : base(nameof(DeepSigmoids)) => RegisterComponents();

            public override Tensor forward(Tensor x) => body.forward(x);
        }
        """;
}
