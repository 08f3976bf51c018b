using Xunit;
using Verify = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.GradientPath.LayerNotRegistered, GradAnalyzers.CodeFixes.LayerNotRegisteredFixer>;

namespace GradAnalyzers.Tests.Rules.GradientPath;

public sealed class LayerNotRegisteredTests
{
    private const string Loop = """
        foreach (var layer in layers)
                    x = layer.forward(x);
                return x;
        """;

    /// <summary>A model with some members, a constructor's statements, and a forward's.</summary>
    private static string Net(string members, string constructor, string forward) => $$"""
        public class Net : Module<Tensor, Tensor>
        {
            {{members}}

            public Net() : base("Net")
            {
                {{constructor.ReplaceLineEndings("\n        ")}}
            }

            public override Tensor forward(Tensor x)
            {
                {{forward}}
            }
        }
        """;

    [Theory]
    [InlineData("private readonly Linear[] {0} = new[] { Linear(4, 4), Linear(4, 4) };", "private readonly ModuleList<Linear> layers = new ModuleList<Linear>(Linear(4, 4), Linear(4, 4));")]
    [InlineData("private readonly Linear[] {0} = { Linear(4, 4), Linear(4, 4) };", "private readonly ModuleList<Linear> layers = new ModuleList<Linear>(Linear(4, 4), Linear(4, 4));")]
    [InlineData("private readonly Linear[] {0} = [Linear(4, 4), Linear(4, 4)];", "private readonly ModuleList<Linear> layers = new ModuleList<Linear>(Linear(4, 4), Linear(4, 4));")]
    [InlineData("private readonly List<Linear> {0} = new List<Linear> { Linear(4, 4) };", "private readonly ModuleList<Linear> layers = new ModuleList<Linear>(Linear(4, 4));")]
    [InlineData("private readonly IList<Module<Tensor, Tensor>> {0} = new List<Module<Tensor, Tensor>>() { Linear(4, 4), ReLU() };", "private readonly ModuleList<Module<Tensor, Tensor>> layers = new ModuleList<Module<Tensor, Tensor>>(Linear(4, 4), ReLU());")]
    [InlineData("public Linear[] {0} { get; } = { Linear(4, 4) };", "public ModuleList<Linear> layers { get; } = new ModuleList<Linear>(Linear(4, 4));")]
    [InlineData("private readonly List<Linear> {0} = Enumerable.Range(0, 3).Select(_ => Linear(4, 4)).ToList();", "private readonly ModuleList<Linear> layers = new ModuleList<Linear>(Enumerable.Range(0, 3).Select(_ => Linear(4, 4)).ToArray());")]
    public Task ACollectionBecomesAModuleList(string member, string expected) => Verify.Fixes(
        Net(member.Replace("{0}", "[|layers|]"), "RegisterComponents();", Loop),
        Net(expected, "RegisterComponents();", Loop));

    [Fact]
    public Task AListThatIsFilledBecomesAModuleList() => Verify.Fixes(
        Net("private readonly List<Linear> [|layers|] = new(); // by depth", "for (var i = 0; i < 3; i++)\n    layers.Add(Linear(4, 4));\nRegisterComponents();", Loop),
        Net("private readonly ModuleList<Linear> layers = new ModuleList<Linear>(); // by depth", "for (var i = 0; i < 3; i++)\n    layers.Add(Linear(4, 4));\nRegisterComponents();", Loop));

    [Fact]
    public Task AnArrayThatIsFilledBecomesAModuleList() => Verify.Fixes(
        Net("private readonly Linear[] [|layers|];", "layers = new Linear[3];\nfor (var i = 0; i < 3; i++)\n    layers[i] = Linear(4, 4);\nRegisterComponents();", "for (var i = 0; i < layers.Length; i++) x = layers[i].forward(x); return x;"),
        Net("private readonly ModuleList<Linear> layers;", "layers = new ModuleList<Linear>();\nfor (var i = 0; i < 3; i++)\n    layers.Add(Linear(4, 4));\nRegisterComponents();", "for (var i = 0; i < layers.Count; i++) x = layers[i].forward(x); return x;"));

    [Fact]
    public Task AnArrayWhoseOwnLengthCountsWhileItIsFilledIsLeftToThePerson() => Verify.OffersNoFix(
        Net("private readonly Linear[] [|layers|];", "layers = new Linear[3];\nfor (var i = 0; i < layers.Length; i++)\n    layers[i] = Linear(4, 4);\nRegisterComponents();", Loop));

    [Fact]
    public Task ADictionaryBecomesAModuleDict() => Verify.Fixes(
        Net("private readonly Dictionary<string, Linear> [|heads|] = new();", "heads.Add(\"a\", Linear(4, 4));\nRegisterComponents();", "return heads[\"a\"].forward(x);"),
        Net("private readonly ModuleDict<Linear> heads = new ModuleDict<Linear>();", "heads.Add(\"a\", Linear(4, 4));\nRegisterComponents();", "return heads[\"a\"].forward(x);"));

    [Fact]
    public Task ATupleIsReportedAndLeftToThePerson() => Verify.OffersNoFix(
        Net("private readonly (Linear A, Linear B) [|pair|] = (Linear(4, 4), Linear(4, 4));", "RegisterComponents();", "return pair.B.forward(pair.A.forward(x));"));

    [Fact]
    public Task RegistrationMovesBehindWhatIsAssignedTooLate() => Verify.Fixes(
        Net("private readonly Linear a = Linear(4, 4), b;\n    private readonly Linear c;", "// all layers\nRegisterComponents();\n[|b = Linear(4, 4)|];\nc = Linear(4, 4);", "return c.forward(b.forward(a.forward(x)));"),
        Net("private readonly Linear a = Linear(4, 4), b;\n    private readonly Linear c;", "b = Linear(4, 4);\nc = Linear(4, 4);\n// all layers\nRegisterComponents();", "return c.forward(b.forward(a.forward(x)));"));

    [Fact]
    public Task OfTwoRegistrationsTheFirstGoes() => Verify.Fixes(
        Net("private readonly Linear a = Linear(4, 4), b;", "RegisterComponents();\n[|b = Linear(4, 4)|];\nRegisterComponents();", "return b.forward(a.forward(x));"),
        Net("private readonly Linear a = Linear(4, 4), b;", "b = Linear(4, 4);\nRegisterComponents();", "return b.forward(a.forward(x));"));

    [Fact]
    public Task WhereTheModelIsUsedInBetweenTheLayerIsRegisteredByName() => Verify.Fixes(
        Net("private readonly Linear a = Linear(4, 4), b;", "RegisterComponents();\nthis.to(torch.CPU);\n[|b = Linear(4, 4)|];", "return b.forward(a.forward(x));"),
        Net("private readonly Linear a = Linear(4, 4), b;", "RegisterComponents();\nthis.to(torch.CPU);\nb = Linear(4, 4);\nregister_module(nameof(b), b);", "return b.forward(a.forward(x));"));

    [Fact]
    public Task InADerivedConstructorTheLayerIsRegisteredByName() => Verify.Fixes("""
        public abstract class Backbone : Module<Tensor, Tensor>
        {
            protected readonly Linear body = Linear(4, 4);
            protected Backbone(string name) : base(name) => RegisterComponents();
        }

        public class Classifier : Backbone
        {
            private readonly Linear head;
            public Classifier() : base("Classifier")
            {
                [|this.head = Linear(4, 2)|];
            }
            public override Tensor forward(Tensor x) => head.forward(body.forward(x));
        }
        """, """
        public abstract class Backbone : Module<Tensor, Tensor>
        {
            protected readonly Linear body = Linear(4, 4);
            protected Backbone(string name) : base(name) => RegisterComponents();
        }

        public class Classifier : Backbone
        {
            private readonly Linear head;
            public Classifier() : base("Classifier")
            {
                this.head = Linear(4, 2);
                register_module(nameof(head), this.head);
            }
            public override Tensor forward(Tensor x) => head.forward(body.forward(x));
        }
        """);

    [Fact]
    public Task AModuleListThatIsFilledTooLateIsRegisteredAfterwards() => Verify.Fixes(
        Net("private readonly ModuleList<Linear> layers = new();", "RegisterComponents();\nfor (var i = 0; i < 3; i++)\n    layers.Add([|Linear(4, 4)|]);", Loop),
        Net("private readonly ModuleList<Linear> layers = new();", "for (var i = 0; i < 3; i++)\n    layers.Add(Linear(4, 4));\nRegisterComponents();", Loop));

    [Fact]
    public Task AForgottenCallIsAddedToEveryConstructor() => Verify.Fixes(Forgotten("[|Block|]", "", " : base(\"Block\") { }"), Forgotten("Block", "", "\n        : base(\"Block\")\n    {\n        RegisterComponents();\n    }".Replace("\n        : base(\"Block\")", " : base(\"Block\")")));

    private static string Forgotten(string name, string members, string constructor) => $$"""
        public class {{name}} : Module<Tensor, Tensor>
        {
            private readonly Linear fc = Linear(4, 4);{{members}}
            public Block(){{constructor}}
            public override Tensor forward(Tensor x) => fc.forward(x);
        }

        public static class Models
        {
            public static Sequential Make() => Sequential(("block", new Block()), ("head", Linear(4, 2)));
        }
        """;

    [Fact]
    public Task AReplacedLayerIsNotTheRegisteredOne() => Verify.Reports(
        Net("private Linear fc = Linear(4, 4);", "RegisterComponents();\n[|fc = Linear(4, 8)|];", "return fc.forward(x);"));

    [Theory]
    [InlineData("torch.zeros(4, requires_grad: true)", "torch.nn.Parameter(torch.zeros(4))")]
    [InlineData("torch.randn(4).requires_grad_()", "torch.nn.Parameter(torch.randn(4))")]
    [InlineData("torch.full(4, 0.5f, requires_grad: true)", "torch.nn.Parameter(torch.full(4, 0.5f))")]
    public Task ATensorBecomesAParameter(string value, string expected) => Verify.Fixes(
        Net($"private readonly Tensor scale = [|{value}|];", "RegisterComponents();", "return x * scale;"),
        Net($"private readonly Tensor scale = {expected};", "RegisterComponents();", "return x * scale;"));

    [Fact]
    public Task EachCauseOnceAndAllFixedAtOnce() => Verify.Fixes("""
        public class A : Module<Tensor, Tensor>
        {
            private readonly List<Linear> [|layers|] = [Linear(4, 4)];
            private readonly Tensor shift = [|zeros(4, requires_grad: true)|];
            private Linear late;

            public A() : base("A")
            {
                RegisterComponents();
                [|late = Linear(4, 4)|];
            }

            public override Tensor forward(Tensor x) => late.forward(layers[0].forward(x)) + shift;
        }
        """, """
        public class A : Module<Tensor, Tensor>
        {
            private readonly ModuleList<Linear> layers = new ModuleList<Linear>(Linear(4, 4));
            private readonly Tensor shift = torch.nn.Parameter(zeros(4));
            private Linear late;

            public A() : base("A")
            {
                late = Linear(4, 4);
                RegisterComponents();
            }

            public override Tensor forward(Tensor x) => late.forward(layers[0].forward(x)) + shift;
        }
        """);

    [Theory]
    [InlineData("private readonly List<Linear> layers = new() { Linear(4, 4) };", "foreach (var l in layers) register_module(\"l\" + l.GetHashCode(), l);")]
    [InlineData("private readonly ModuleList<Linear> layers = new(Linear(4, 4));", "RegisterComponents();")]
    [InlineData("private readonly ModuleList<Linear> layers = new();", "layers.Add(Linear(4, 4));\nRegisterComponents();")]
    [InlineData("private readonly Linear[] layers = { Linear(4, 4) };", "for (int i = 0; i < layers.Length; i++)\n    add_module($\"{i}\", layers[i]);\nRegisterComponents();")]
    [InlineData("private readonly Module<Tensor, Tensor>[] layers = { ReLU(), Dropout(0.1) };", "RegisterComponents();")]
    [InlineData("private readonly Linear[] layers = { Linear(4, 4) };\n    public IEnumerable<Parameter> Trained => layers.SelectMany(l => l.parameters());", "RegisterComponents();")]
    [InlineData("private readonly Linear[] layers = { Linear(4, 4) };", "RegisterComponents();\nforeach (var l in layers) foreach (var p in l.parameters()) p.requires_grad = false;")]
    [InlineData("private readonly Linear[] layers = { Linear(4, 4) };\n    public override IEnumerable<Parameter> parameters(bool recurse = true) => base.parameters(recurse).Concat(layers.SelectMany(l => l.parameters()));", "RegisterComponents();")]
    [InlineData("private readonly Linear[] layers = { Linear(4, 4) };\n    private readonly Linear first = Linear(4, 4);\n    public void Tie() { foreach (var l in layers) l.load_state_dict(first.state_dict()); }", "RegisterComponents();")]
    public Task RegisteredOtherwiseOrOnPurpose(string member, string constructor) => Verify.IsSilent(Net(member, constructor, Loop));

    [Theory]
    [InlineData("private readonly Tensor mask = torch.ones(4);", "return x * mask;")]
    [InlineData("private readonly Tensor mask = torch.ones(4, requires_grad: false);", "return x * mask;")]
    [InlineData("private readonly Parameter scale = Parameter(torch.ones(4));", "return x * scale;")]
    [InlineData("private readonly Tensor scale = Parameter(torch.ones(4));", "return x * scale;")]
    [InlineData("private Tensor cache = torch.zeros(4, requires_grad: true);", "cache = x; return x;")]
    public Task ABufferIsNoParameter(string member, string forward) => Verify.IsSilent(Net(member, "RegisterComponents();", forward));

    [Fact]
    public Task AClassThatItsParentRegistersNeedsNoCall() => Verify.IsSilent("""
        public class Block : Module<Tensor, Tensor>
        {
            private readonly Linear fc = Linear(4, 4);
            public Block() : base("Block") { }
            public override Tensor forward(Tensor x) => fc.forward(x);
        }

        public class Net : Module<Tensor, Tensor>
        {
            private readonly Block block;
            public Net(Block block) : base("Net") { this.block = block; RegisterComponents(); }
            public override Tensor forward(Tensor x) => block.forward(x);
        }

        public static class Models
        {
            private static Block Inner() => new Block();
            public static Net Make() => new Net(Inner());
        }
        """);

    /// <summary>Made elsewhere, by whatever gives modules; the parent that registers them does not know which they are.</summary>
    [Theory]
    [InlineData("public static Module<Tensor, Tensor> Make(string kind) => kind == \"a\" ? new Block(4) : new Other(4);", "Blocks.Make(kind)")]
    [InlineData("public static Module<Tensor, Tensor> Make(string kind) { if (kind == \"a\") return new Block(4); if (kind == \"b\") return new Other(4); throw new ArgumentException(kind); }", "Blocks.Make(kind)")]
    [InlineData("public static readonly Dictionary<string, Func<Module<Tensor, Tensor>>> Known = new() { [\"a\"] = () => new Block(4), [\"b\"] = () => new Other(4) };", "Blocks.Known[kind]()")]
    [InlineData("private static Block Small() => new Block(4);\npublic static Module<Tensor, Tensor> Make(string kind) => kind == \"a\" ? Small() : new Other(4);", "Blocks.Make(kind)")]
    [InlineData("public static Module<Tensor, Tensor> First => new Block(4);\npublic static IEnumerable<Module<Tensor, Tensor>> All(string kind) { if (kind.Length > 1) yield return First; }", "Blocks.All(kind).First()")]
    public Task WhatAFactoryMakesForAParentIsRegisteredThere(string factory, string call) => Verify.IsSilent(PartsOfAFactory("Block", factory, $$"""
        public class Whole : Module<Tensor, Tensor>
        {
            private readonly ModuleList<Module<Tensor, Tensor>> blocks = new();
            public Whole(string[] kinds) : base("Whole")
            {
                foreach (var kind in kinds)
                    blocks.Add({{call}});
                RegisterComponents();
            }
            public override Tensor forward(Tensor x)
            {
                foreach (var block in blocks)
                    x = block.forward(x);
                return x;
            }
        }
        """));

    [Theory]
    [InlineData("public static Module<Tensor, Tensor> Make(string kind) => kind == \"a\" ? new Block(4) : new Other(4);", "Blocks.Make(args[0])")]
    [InlineData("public static Block Make() => new Block(4);", "Blocks.Make()")]
    [InlineData("public static Block Made { get; } = new Block(4);", "Blocks.Made")]
    public Task WhatAFactoryMakesForAProgramIsNot(string factory, string call) => Verify.Reports(PartsOfAFactory("[|Block|]", factory, $$"""
        public static class App
        {
            public static void Main(string[] args)
            {
                var model = {{call}};
                Console.WriteLine(model.forward(torch.zeros(2, 4)));
            }
        }
        """));

    private static string PartsOfAFactory(string name, string factory, string user) => $$"""
        public class {{name}} : Module<Tensor, Tensor>
        {
            private readonly Linear fc;
            public Block(int width) : base("Block") { fc = Linear(width, width); }
            public override Tensor forward(Tensor x) => fc.forward(x);
        }

        public class Other : Module<Tensor, Tensor>
        {
            private readonly Linear fc;
            public Other(int width) : base("Other") { fc = Linear(width, width); RegisterComponents(); }
            public override Tensor forward(Tensor x) => fc.forward(x);
        }

        public static class Blocks
        {
            {{factory}}
        }

        {{user}}
        """;

    [Fact]
    public Task AnotherClassGathersTheParameters() => Verify.IsSilent("""
        public class Agent : Module<Tensor, Tensor>
        {
            public Linear[] Heads = { Linear(4, 4), Linear(4, 4) };
            public Agent() : base("Agent") => RegisterComponents();
            public override Tensor forward(Tensor x) => Heads[1].forward(Heads[0].forward(x));
        }

        public static class Trainer
        {
            public static optim.Optimizer Make(Agent agent) => optim.Adam(agent.parameters().Concat(agent.Heads.SelectMany(head => head.parameters())));
        }
        """);

    [Fact]
    public Task AListThatAnOverrideBuilds() => Verify.IsSilent("""
        public class Detector : Module<Tensor, Tensor>
        {
            protected ModuleList<Module> model;
            public Detector() : base("Detector")
            {
                model = Build();
                RegisterComponents();
            }

            protected virtual ModuleList<Module> Build()
            {
                var list = new ModuleList<Module>(Linear(4, 4), Linear(4, 4));
                return list;
            }

            public override Tensor forward(Tensor x)
            {
                for (int i = 0; i < model.Count; i++)
                {
                    switch (model[i])
                    {
                        case Module<Tensor, Tensor> layer: x = layer.forward(x); break;
                        default: throw new Exception();
                    }
                }
                return x;
            }
        }

        public class Classifier : Detector
        {
            protected override ModuleList<Module> Build()
            {
                var list = base.Build();
                for (int i = 0; i < 1; i++)
                    list.RemoveAt(list.Count - 1);
                list.Add(Linear(4, 2));
                return list;
            }
        }

        public static class Models
        {
            public static Detector Make(string kind) => kind switch { "c" => new Classifier(), _ => new Detector() };
        }
        """);

    [Fact]
    public Task ALookAlikeIsNoModule() => Verify.IsSilent("""
        public class Linear { public Tensor forward(Tensor x) => x; }

        public class Net : Module<Tensor, Tensor>
        {
            private readonly Linear[] layers = { new Linear() };
            public Net() : base("Net") => RegisterComponents();
            public override Tensor forward(Tensor x) => layers[0].forward(x);
        }
        """);
}
