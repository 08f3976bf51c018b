using Xunit;

namespace GradAnalyzers.Tests.Facts;

/// <summary>Methods of another project that clip, clear, train, or do none of it.</summary>
public sealed class HelperTests
{
    private const string Library = """
        namespace Shop.Training;

        public static class Gradients
        {
            public static void Clip(Module<Tensor, Tensor> model) => nn.utils.clip_grad_norm_(model.parameters(), 1.0);
            public static void ClipEach(Module<Tensor, Tensor> model) { foreach (var p in model.parameters()) if (p.grad is not null) p.grad.clamp_(-1, 1); }
            public static void ClipSome(Module<Tensor, Tensor> model, bool really) { if (really) nn.utils.clip_grad_norm_(model.parameters(), 1.0); }
            public static void ClipAll(IEnumerable<Parameter> parameters) => nn.utils.clip_grad_norm_(parameters, 1.0);
            public static void ClampAll(IEnumerable<Parameter> parameters, float limit) { foreach (var p in parameters) p.grad?.clamp_(-limit, limit); }
            public static void Clear(torch.optim.Optimizer optimizer) => optimizer.zero_grad();
            public static void ClearSome(torch.optim.Optimizer optimizer, bool really) { if (really) optimizer.zero_grad(); }
            public static long Count(Module<Tensor, Tensor> model) => model.parameters().Sum(p => p.numel());
            public static double Evaluate(Module<Tensor, Tensor> model, Tensor x) { using var _ = no_grad(); return model.forward(x).mean().item<float>(); }
            public static void Deep(Module<Tensor, Tensor> model) => Inner(model);
            private static void Inner(Module<Tensor, Tensor> model) => nn.utils.clip_grad_value_(model.parameters(), 1.0);
            public static void Run(Module<Tensor, Tensor> model, Action action) => action();
            public static void Step(torch.optim.Optimizer optimizer) => optimizer.step();
        }

        public sealed class Clipper(Module<Tensor, Tensor> model)
        {
            public void Clip() => nn.utils.clip_grad_norm_(model.parameters(), 1.0);
        }

        public static class Trainer
        {
            public static void Fit(Module<Tensor, Tensor> model, Tensor x, Tensor y)
            {
                var optimizer = torch.optim.Adam(model.parameters());
                optimizer.zero_grad();
                functional.mse_loss(model.forward(x), y).backward();
                optimizer.step();
            }

            public static void FitClipped(Module<Tensor, Tensor> model, Tensor x, Tensor y)
            {
                var optimizer = torch.optim.Adam(model.parameters());
                optimizer.zero_grad();
                functional.mse_loss(model.forward(x), y).backward();
                nn.utils.clip_grad_norm_(model.parameters(), 1.0);
                optimizer.step();
            }
        }
        """;

    private const string Own = """
        public sealed class CharRnn : Module<Tensor, Tensor>
        {
            private readonly GRU _gru = GRU(16, 16);
            public CharRnn() : base("r") => RegisterComponents();
            public override Tensor forward(Tensor x) => _gru.call(x).Item1;
        }

        public sealed class Mlp : Module<Tensor, Tensor>
        {
            private readonly Linear _one = Linear(16, 16);
            public Mlp() : base("m") => RegisterComponents();
            public override Tensor forward(Tensor x) => _one.forward(x);
        }

        """;

    public static TheoryData<string, string> Fine { get; } = new()
    {
        { "clips", Loop("Gradients.Clear(optimizer);", "Gradients.Clip(model);") },
        { "clips each", Loop("Gradients.Clear(optimizer);", "Gradients.ClipEach(model);") },
        { "may clip", Loop("Gradients.Clear(optimizer);", "Gradients.ClipSome(model, true);") },
        { "clips parameters", Loop("Gradients.Clear(optimizer);", "Gradients.ClipAll(model.parameters());") },
        { "clamps parameters", Loop("Gradients.Clear(optimizer);", "Gradients.ClampAll(model.parameters(), 1);") },
        { "clips through a method of this project", Loop("Gradients.Clear(optimizer);", "Limits.Limit(model);") + "public static class Limits { public static void Limit(Module<Tensor, Tensor> model) => Gradients.Clip(model); }" },
        { "clips two deep", Loop("Gradients.Clear(optimizer);", "Gradients.Deep(model);") },
        { "object that clips", Loop("Gradients.Clear(optimizer);", "new Clipper(model).Clip();") },
        { "given function may clip", Loop("Gradients.Clear(optimizer);", "Gradients.Run(model, () => nn.utils.clip_grad_norm_(model.parameters(), 1.0));") },
        { "may clear", Loop("Gradients.ClearSome(optimizer, true);", "Gradients.Clip(model);") },
        { "clears behind the step", Loop("", "Gradients.Clip(model);").Replace("optimizer.step();", "optimizer.step(); Gradients.Clear(optimizer);") },
        { "may clear before the step", Loop("optimizer.zero_grad();", "Gradients.Clip(model); Gradients.ClearSome(optimizer, false);") },
        { "trains and clips", In("Trainer.FitClipped(new CharRnn(), x, y);") },
        { "trains what is not recurrent", In("Trainer.Fit(new Mlp(), x, y);") },
        { "steps there", In("var model = new CharRnn(); var optimizer = torch.optim.Adam(model.parameters()); for (var i = 0; i < 9; i++) { optimizer.zero_grad(); functional.mse_loss(model.forward(x), y).backward(); nn.utils.clip_grad_norm_(model.parameters(), 1.0); Gradients.Step(optimizer); }") },
    };

    public static TheoryData<string, string, string> Wrong { get; } = new()
    {
        { "only counts", "GRAD2001", Loop("optimizer.zero_grad();", "Gradients.Count(model);").Replace("optimizer.step()", "[|optimizer.step()|]") },
        { "only evaluates", "GRAD2001", Loop("Gradients.Clear(optimizer);", "Gradients.Evaluate(model, x);").Replace("optimizer.step()", "[|optimizer.step()|]") },
        { "clips another", "GRAD2002", Loop("optimizer.zero_grad();", "[|Gradients.Clip(other)|];").Replace("var model", "var other = new Mlp(); var model") },
        { "only evaluates, never cleared", "GRAD2003", Loop("", "nn.utils.clip_grad_norm_(model.parameters(), 1.0); Gradients.Count(model);").Replace("optimizer.step()", "[|optimizer.step()|]") },
        { "cleared before the step", "GRAD2004", Loop("optimizer.zero_grad();", "nn.utils.clip_grad_norm_(model.parameters(), 1.0); Gradients.Clear(optimizer);").Replace("optimizer.step()", "[|optimizer.step()|]") },
        { "clipped there, never cleared", "GRAD2003", Loop("", "Gradients.Clip(model);").Replace("optimizer.step()", "[|optimizer.step()|]") },
        { "parameters clipped there, never cleared", "GRAD2003", Loop("", "Gradients.ClipAll(model.parameters());").Replace("optimizer.step()", "[|optimizer.step()|]") },
        { "clipped there, cleared before the step", "GRAD2004", Loop("optimizer.zero_grad();", "Gradients.Clip(model); optimizer.zero_grad();").Replace("optimizer.step()", "[|optimizer.step()|]") },
        { "clipped there before backward", "GRAD2002", Loop("optimizer.zero_grad(); [|Gradients.Clip(model)|];", "") },
        { "parameters clipped there before backward", "GRAD2002", Loop("optimizer.zero_grad(); [|Gradients.ClipAll(model.parameters())|];", "") },
        { "trained there and nothing else here", "GRAD2001", In("[|Trainer.Fit(new CharRnn(), x, y)|];") },
        { "trained there, called by a helper", "GRAD2001", In("Program.Do(new CharRnn(), x, y);").Replace("Program.Do(new CharRnn(), x, y)", "[|Program.Do(new CharRnn(), x, y)|]") + "public static class Program { public static void Do(Module<Tensor, Tensor> model, Tensor x, Tensor y) => Trainer.Fit(model, x, y); }" },
        { "trained there, deep sigmoid of this project", "GRAD1001", In($"Trainer.Fit(Sequential([|Linear(64, 64)|], Sigmoid(), {BlockTests.Stack("Linear(64, 64), Sigmoid()", 8)}), x, y);") },
        { "trains there without a clip", "GRAD2001", Loop("optimizer.zero_grad();", "nn.utils.clip_grad_norm_(model.parameters(), 1.0);").Replace("var model", "[|Trainer.Fit(new CharRnn(), x, y)|]; var model") },
    };

    [Theory]
    [MemberData(nameof(Fine))]
    public async Task WhatTheHelperDoesCounts(string _, string code)
    {
        foreach (var seen in new[] { Seen.Assembly, Seen.ReferenceAssembly, Seen.Source, Seen.Bare })
            await Border.IsSilent(Library, "using Shop.Training;\n" + Own + code, seen);
    }

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task WhatTheHelperDoesNotDoIsMissed(string _, string id, string code)
    {
        foreach (var seen in new[] { Seen.Assembly, Seen.ReferenceAssembly, Seen.Source })
            await Border.Reports(id, Library, "using Shop.Training;\n" + Own + code, seen);
    }

    private static string Loop(string before, string between) => In($$"""
        var model = new CharRnn();
        var optimizer = torch.optim.Adam(model.parameters());
        for (var epoch = 0; epoch < 10; epoch++)
        {
            {{before}}
            functional.mse_loss(model.forward(x), y).backward();
            {{between}}
            optimizer.step();
        }
        """);

    private static string In(string statements) => BorderTests.Method("Tensor x, Tensor y", statements);
}
