using Xunit;
using Verify = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.GradientPath.GradientModeLeaked, GradAnalyzers.CodeFixes.GradientModeLeakedFixer>;

namespace GradAnalyzers.Tests.Rules.GradientPath;

/// <summary>Written before the rule, in styles of public code, and not looked at while it was made.</summary>
public sealed class GradientModeLeakedHeldOutTests
{
    [Fact]
    public Task AValidationPassThatDropsIt() => Verify.Reports("""
        public class Trainer(Module<Tensor, Tensor> net, optim.Optimizer optimizer)
        {
            private double Validate(IEnumerable<(Tensor, Tensor)> loader)
            {
                net.eval();
                [|torch.no_grad()|];
                double sum = 0;
                foreach (var (image, label) in loader)
                    sum += functional.cross_entropy(net.forward(image), label).item<float>();
                return sum;
            }

            public void Epoch(IEnumerable<(Tensor, Tensor)> loader)
            {
                net.train();
                foreach (var (image, label) in loader)
                {
                    optimizer.zero_grad();
                    functional.cross_entropy(net.forward(image), label).backward();
                    optimizer.step();
                }

                Validate(loader);
            }
        }
        """);

    [Fact]
    public Task InATopLevelProgramThatTrains() => Verify.Reports("""
        var net = new Mlp();
        var adam = optim.Adam(net.parameters());
        for (int epoch = 0; epoch < 5; epoch++)
        {
            adam.zero_grad();
            functional.mse_loss(net.forward(randn(4, 16)), randn(4, 16)).backward();
            adam.step();
            var context = [|inference_mode()|];
            Console.WriteLine(net.forward(randn(1, 16)).sum().ToSingle());
        }
        """, isProgram: true);

    [Fact]
    public Task InALambdaAndBehindACondition() => Verify.Reports("""
        public static class Sampling
        {
            public static void Run(Mlp net, bool quiet, Tensor x, Tensor y)
            {
                Action probe = () =>
                {
                    IDisposable off = quiet ? [|torch.no_grad()|] : null;
                    net.forward(x).print();
                };
                probe();
                functional.mse_loss(net.forward(x), y).backward();
            }
        }
        """);

    [Fact]
    public Task SetToFalseAndNeverBack() => Verify.Reports("""
        public static class Gan
        {
            public static void Step(Mlp generator, Mlp judge, optim.Optimizer optimizer, Tensor z)
            {
                [|torch.set_grad_enabled(false)|];
                var fake = generator.forward(z);
                optimizer.zero_grad();
                judge.forward(fake).mean().backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task HandledOtherwise() => Verify.IsSilent("""
        public sealed class Scope : IDisposable
        {
            private readonly IDisposable inner = torch.no_grad();
            private IDisposable other;
            public void Open() => other = torch.inference_mode();
            public void Dispose() { inner.Dispose(); other?.Dispose(); }
        }

        public static class Uses
        {
            public static IDisposable Off() => torch.no_grad();
            public static IDisposable? Maybe(bool train) { if (train) return null; return torch.no_grad(); }
            public static void Keep(IDisposable scope) => scope.Dispose();
            private static readonly Stack<IDisposable> scopes = new();

            public static void Run(Mlp net, Tensor x, bool train)
            {
                using (torch.no_grad()) net.forward(x);
                using (var scope = torch.no_grad()) net.forward(x);
                using (no_grad())
                using (NewDisposeScope())
                    net.forward(x);
                using var maybe = train ? null : torch.no_grad();
                var late = torch.no_grad();
                try { net.forward(x); } finally { late.Dispose(); }
                var held = torch.no_grad();
                using (held) net.forward(x);
                var given = torch.no_grad();
                Keep(given);
                scopes.Push(torch.no_grad());
                Keep(torch.inference_mode());
                Func<IDisposable> open = () => torch.no_grad();
                using var opened = open();
                IDisposable conditional = null;
                if (!train) conditional = torch.no_grad();
                net.forward(x);
                conditional?.Dispose();
                var before = torch.is_grad_enabled();
                torch.set_grad_enabled(false);
                net.forward(x);
                torch.set_grad_enabled(before);
                functional.mse_loss(net.forward(x), x).backward();
            }
        }
        """);

    [Fact]
    public Task AProgramThatOnlyPredictsMaySwitchThemOffForGood() => Verify.IsSilent("""
        torch.set_grad_enabled(false);
        torch.no_grad();
        var net = new Mlp();
        Console.WriteLine(net.forward(randn(1, 16)).sum().ToSingle());
        """, isProgram: true);
}
