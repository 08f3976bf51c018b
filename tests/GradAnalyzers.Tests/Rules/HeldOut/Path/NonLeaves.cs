using Xunit;

namespace GradAnalyzers.Tests.Rules.HeldOut.Path;

/// <summary>GRAD4007, written before the rule.</summary>
public sealed class NonLeaves
{
    [Theory]
    [InlineData("var w = [|torch.randn(16, 4, requires_grad: true) * 0.01|]; (x.matmul(w) - y).pow(2).mean().backward(); using (no_grad()) w.sub_(0.1 * w.grad!);")]
    [InlineData("var device = cuda.is_available() ? CUDA : CPU; using var w = [|randn(16, 4, requires_grad: true).to(device)|]; x.matmul(w).mean().backward(); w.grad!.print();")]
    [InlineData("var w = [|torch.zeros(64, requires_grad: true).reshape(16, 4)|]; x.mm(w).sum().backward(); if (w.grad is null) Console.WriteLine(0);")]
    [InlineData("var delta = [|zeros_like(x, requires_grad: true).cuda()|]; new Mlp().call(x + delta).mean().backward(); var step = delta.grad!.sign();")]
    [InlineData("var start = torch.rand(4).requires_grad_(); var w = [|start.mul(0.1)|]; w.sum().backward(); w.grad!.print();")]
    [InlineData("var scale = new Parameter([|torch.randn(4, requires_grad: true) / 2|]); var adam = torch.optim.Adam(new[] { scale }); adam.zero_grad(); (scale * x).mean().backward(); adam.step();")]
    public Task NoGradientIsKept(string statements) => TrainingRules.Report("GRAD4007", Code.InMethod(statements));

    [Theory]
    [InlineData("var w = torch.randn(16, 4, requires_grad: true); x.mm(w).sum().backward(); w.grad!.print();")]
    [InlineData("var w = (torch.randn(16, 4) * 0.01).requires_grad_(); x.mm(w).sum().backward(); w.grad!.print();")]
    [InlineData("var w = torch.randn(16, 4, requires_grad: true).to(CPU); x.mm(w).sum().backward(); w.grad!.print();")]
    [InlineData("var w = torch.randn(16, 4, device: CUDA, requires_grad: true).to(CUDA); x.mm(w).sum().backward(); w.grad!.print();")]
    [InlineData("var w = torch.randn(16, 4, requires_grad: true) * 0.01; w.retain_grad(); x.mm(w).sum().backward(); w.grad!.print();")]
    [InlineData("var w = (torch.randn(16, 4, requires_grad: true) * 0.01).detach().requires_grad_(); x.mm(w).sum().backward(); w.grad!.print();")]
    [InlineData("var noise = torch.randn(16, requires_grad: true) * 0.01; new Mlp().call(x + noise).mean().backward();")]
    [InlineData("var scale = new Parameter(torch.randn(4) / 2); (scale * x).mean().backward(); scale.grad!.print();")]
    [InlineData("var w = torch.randn(16, 4, requires_grad: false) * 0.01; using var p = new Parameter(w); x.mm(p).sum().backward(); p.grad!.print();")]
    [InlineData("Tensor w; using (no_grad()) w = torch.randn(16, 4, requires_grad: true) * 0.01; w.requires_grad_(); x.mm(w).sum().backward(); w.grad!.print();")]
    public Task Leaves(string statements) => TrainingRules.AreSilent(Code.InMethod(statements));

    [Fact]
    public Task InAField() => TrainingRules.Report("GRAD4007", """
        public sealed class Style(Device device)
        {
            private readonly Tensor _image = [|torch.rand(1, 3, 64, 64, requires_grad: true).to(device)|];

            public void Step(Mlp features)
            {
                features.call(_image).mean().backward();
                using (torch.no_grad())
                    _image.sub_(_image.grad! * 0.1);
            }
        }
        """);
}
