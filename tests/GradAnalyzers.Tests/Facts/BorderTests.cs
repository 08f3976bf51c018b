using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace GradAnalyzers.Tests.Facts;

/// <summary>Models in one project, the loop in another: the loop's project is warned as if all were in one.</summary>
public sealed class BorderTests
{
    private const string Models = """
        namespace Shop.Models;

        public sealed class CharLstm : Module<Tensor, Tensor>
        {
            private readonly LSTM _lstm;
            private readonly Linear _head;
            public CharLstm(long hidden = 32) : base(nameof(CharLstm)) { _lstm = LSTM(16, hidden, batchFirst: true); _head = Linear(hidden, 16); RegisterComponents(); }
            public override Tensor forward(Tensor x) => _head.forward(_lstm.call(x).Item1);
        }

        public sealed class Unrolled : Module<Tensor, Tensor>
        {
            private readonly Linear _cell = Linear(32, 16);
            public Unrolled() : base(nameof(Unrolled)) => RegisterComponents();
            public override Tensor forward(Tensor x)
            {
                var h = zeros(1, 16);
                for (var t = 0; t < x.shape[1]; t++)
                    h = torch.tanh(_cell.forward(cat(new[] { x.select(1, t), h }, 1)));
                return h;
            }
        }

        public sealed class Mlp : Module<Tensor, Tensor>
        {
            private readonly Linear _one = Linear(16, 32), _two = Linear(32, 16);
            public Mlp() : base(nameof(Mlp)) => RegisterComponents();
            public override Tensor forward(Tensor x) => _two.forward(functional.relu(_one.forward(x)));
        }

        internal sealed class Hidden : Module<Tensor, Tensor>
        {
            private readonly GRU _gru = GRU(16, 16);
            public Hidden() : base(nameof(Hidden)) => RegisterComponents();
            public override Tensor forward(Tensor x) => _gru.call(x).Item1;
        }

        public sealed class Holder
        {
            public Holder() => Net = new CharLstm(64);
            public Module<Tensor, Tensor> Net { get; }
            public readonly Module<Tensor, Tensor> Field = new CharLstm();
            public Module<Tensor, Tensor> Computed => Field;
            public Module<Tensor, Tensor> Plain { get; } = new Mlp();
            public static Module<Tensor, Tensor> Shared { get; } = new Unrolled();
        }

        public class Doubled<T> : Module<Tensor, Tensor> where T : Module<Tensor, Tensor>
        {
            protected readonly T _inner;
            public Doubled(T inner) : base("Doubled") { _inner = inner; RegisterComponents(); }
            public override Tensor forward(Tensor x) => _inner.forward(x) * 2;
        }

        public class Base : Module<Tensor, Tensor>
        {
            private readonly LSTM _lstm = LSTM(16, 16);
            public Base() : base(nameof(Base)) => RegisterComponents();
            public override Tensor forward(Tensor x) => _lstm.call(x).Item1;
        }

        public class Factory
        {
            public static Module<Tensor, Tensor> Lstm() => new CharLstm();
            public static Module<Tensor, Tensor> Gru() { var model = new Hidden(); return model; }
            public static Module<Tensor, Tensor> Mlp() => new Mlp();
            public static Module<Tensor, Tensor> ByName(string name) => name switch { "lstm" => new CharLstm(128), _ => new Mlp() };
            public static Module<Tensor, Tensor> Same(Module<Tensor, Tensor> model) => model;
            public Module<Tensor, Tensor> Make(long hidden) => Build(hidden);
            private static Module<Tensor, Tensor> Build(long hidden) => new CharLstm(hidden);
            public static T Generic<T>() where T : Module<Tensor, Tensor>, new() => new T();
            public virtual Module<Tensor, Tensor> Virtual() => new CharLstm();
        }
        """;

    public static TheoryData<string, string> Recurrent { get; } = new()
    {
        { "parameter of its type", Method("CharLstm model, Tensor x, Tensor y", Loop("model")) },
        { "parameter of a base type", Method("Module<Tensor, Tensor> model, Tensor x, Tensor y", Loop("model", mark: false)) + "public static class Main { public static void Run(Tensor x, Tensor y) => [|Training.Run(new CharLstm(), x, y)|]; }" },
        { "field of a wrapper", """
            public sealed class Wrapper : Module<Tensor, Tensor>
            {
                public CharLstm Inner = new();
                public Wrapper() : base("w") => RegisterComponents();
                public override Tensor forward(Tensor x) => Inner.forward(x);
            }
            """ + Method("Tensor x, Tensor y", "var model = new Wrapper(); " + Loop("model")) },
        { "factory", Method("Tensor x, Tensor y", "var model = Factory.Lstm(); " + Loop("model")) },
        { "factory of an internal class", Method("Tensor x, Tensor y", "var model = Factory.Gru(); " + Loop("model")) },
        { "creation", Method("Tensor x, Tensor y", "var model = new CharLstm(); " + Loop("model")) },
        { "loop over time", Method("Tensor x, Tensor y", "var model = new Unrolled(); " + Loop("model")) },
        { "factory object", Method("Tensor x, Tensor y", "var model = new Factory().Make(64); " + Loop("model")) },
        { "factory by name", Method("Tensor x, Tensor y", "var model = Factory.ByName(\"lstm\"); " + Loop("model")) },
        { "property", Method("Tensor x, Tensor y", "var holder = new Holder(); var model = holder.Net; " + Loop("model")) },
        { "property of an argument", Method("Holder holder, Tensor x, Tensor y", Loop("holder.Net")) },
        { "field", Method("Holder holder, Tensor x, Tensor y", Loop("holder.Field")) },
        { "computed property", Method("Holder holder, Tensor x, Tensor y", Loop("holder.Computed")) },
        { "static property", Method("Tensor x, Tensor y", "var model = Holder.Shared; " + Loop("model")) },
        { "derived here", "public sealed class Own : Base { }" + Method("Tensor x, Tensor y", "var model = new Own(); " + Loop("model")) },
        { "generic wrapper", Method("Tensor x, Tensor y", "var model = new Doubled<CharLstm>(new CharLstm()); " + Loop("model")) },
        { "generic factory", Method("Tensor x, Tensor y", "var model = Factory.Generic<Unrolled>(); " + Loop("model")) },
        { "moved", Method("Tensor x, Tensor y", "var model = Factory.Lstm().to(CUDA); " + Loop("model")) },
        { "field of a trainer", """
            public sealed class Trainer
            {
                private readonly Module<Tensor, Tensor> _model = Factory.Lstm();
                private readonly torch.optim.Optimizer _optimizer;
                public Trainer() => _optimizer = torch.optim.Adam(_model.parameters());
                public void Step(Tensor x, Tensor y) { _optimizer.zero_grad(); functional.mse_loss(_model.forward(x), y).backward(); [|_optimizer.step()|]; }
            }
            """ },
    };

    public static TheoryData<string, string> NotRecurrent { get; } = new()
    {
        { "creation", Method("Tensor x, Tensor y", "var model = new Mlp(); " + Loop("model")) },
        { "factory", Method("Tensor x, Tensor y", "var model = Factory.Mlp(); " + Loop("model")) },
        { "property beside a recurrent one", Method("Holder holder, Tensor x, Tensor y", Loop("holder.Plain")) },
        { "generic wrapper", Method("Tensor x, Tensor y", "var model = new Doubled<Mlp>(new Mlp()); " + Loop("model")) },
        { "generic factory", Method("Tensor x, Tensor y", "var model = Factory.Generic<Mlp>(); " + Loop("model")) },
        { "what a method is given", Method("Tensor x, Tensor y", "var model = Factory.Same(new Mlp()); " + Loop("model")) },
        { "virtual factory", Method("Factory factory, Tensor x, Tensor y", "var model = factory.Virtual(); " + Loop("model")) },
        { "clipped", Method("CharLstm model, Tensor x, Tensor y", Loop("model").Replace("optimizer.step", "nn.utils.clip_grad_norm_(model.parameters(), 1.0); optimizer.step")) },
        { "a class of that name", "namespace Here { public sealed class CharLstm : Module<Tensor, Tensor> { readonly Linear one = Linear(16, 16); public CharLstm() : base(\"c\") => RegisterComponents(); public override Tensor forward(Tensor x) => one.forward(x); } " + Method("Tensor x, Tensor y", "var model = new Here.CharLstm(); " + Loop("model")) + "}" },
    };

    [Theory]
    [MemberData(nameof(Recurrent))]
    public Task TheAssemblySays(string _, string code) => Border.Reports("GRAD2001", Models, "using Shop.Models;\n" + code, Seen.Assembly);

    [Theory]
    [MemberData(nameof(Recurrent))]
    public Task TheReferenceAssemblySays(string _, string code) => Border.Reports("GRAD2001", Models, "using Shop.Models;\n" + code, Seen.ReferenceAssembly);

    [Theory]
    [MemberData(nameof(Recurrent))]
    public Task TheSourceSays(string _, string code) => Border.Reports("GRAD2001", Models, "using Shop.Models;\n" + code, Seen.Source);

    [Theory]
    [MemberData(nameof(NotRecurrent))]
    public async Task NothingIsSaidOfOthers(string _, string code)
    {
        await Border.IsSilent(Models, "using Shop.Models;\n" + code, Seen.Assembly);
        await Border.IsSilent(Models, "using Shop.Models;\n" + code, Seen.Source);
    }

    [Fact]
    public Task WithoutFactsTheAssemblySaysNothing() =>
        Border.IsSilent(Models, "using Shop.Models;\n" + Method("Tensor x, Tensor y", "var model = new CharLstm(); " + Loop("model")), Seen.Bare);

    [Fact]
    public async Task TheClassIsNamedWithItsReach()
    {
        var report = Assert.Single(await Border.Diagnostics("using Shop.Models;\n" + Method("Tensor x, Tensor y", "var model = Factory.Lstm(); " + Loop("model", mark: false)), "", Border.Reference(Models, Seen.Assembly)));

        Assert.StartsWith("'CharLstm' is recurrent", report.GetMessage(), StringComparison.Ordinal);
        Assert.Contains("(reach: ", report.GetMessage(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(OutputKind.DynamicallyLinkedLibrary, "", true)]
    [InlineData(OutputKind.ConsoleApplication, "", false)]
    [InlineData(OutputKind.WindowsApplication, "", false)]
    [InlineData(OutputKind.ConsoleApplication, "[assembly: System.Runtime.CompilerServices.InternalsVisibleTo(\"Shop.Tests\")]\n", true)]
    public void AnExecutableSaysWhatItsModelsComputeToItsFriendsOnly(OutputKind kind, string friends, bool says)
    {
        var texts = Border.Texts(Border.WithFacts(Border.Compile(friends + """
            namespace Shop;
            public static class Blocks { public static Module<Tensor, Tensor> Saturating(long width) => Sequential(Linear(width, width), Sigmoid()); }
            public sealed class Memory : Module<Tensor, Tensor>
            {
                private readonly TorchSharp.Modules.LSTM rnn = LSTM(8, 16);
                public Memory() : base("memory") => RegisterComponents();
                public override Tensor forward(Tensor x) => rnn.call(x).Item1;
            }
            """).WithOptions(new CSharpCompilationOptions(kind))));

        Assert.Contains(texts, text => text.StartsWith("1 T:Shop.Memory module recurrent", StringComparison.Ordinal));
        Assert.Equal(says, texts.Any(text => text.Contains("forward=", StringComparison.Ordinal)));
    }

    internal static string Method(string parameters, string statements) => $$"""
        public static class Training
        {
            public static void Run({{parameters}})
            {
                {{statements}}
            }
        }

        """;

    internal static string Loop(string model, bool mark = true) => $$"""
        var optimizer = torch.optim.Adam({{model}}.parameters());
                for (var epoch = 0; epoch < 10; epoch++)
                {
                    optimizer.zero_grad();
                    functional.mse_loss({{model}}.forward(x), y).backward();
                    {{(mark ? "[|optimizer.step()|]" : "optimizer.step()")}};
                }
        """;
}
