using Xunit;
using NonLeaf = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.GradientPath.NonLeafTensor, GradAnalyzers.CodeFixes.NonLeafTensorFixer>;

namespace GradAnalyzers.Tests.Rules.GradientPath;

/// <summary>GRAD4007.</summary>
public sealed class NonLeafTensorTests
{
    [Theory]
    [InlineData("[|torch.randn(16, 4, requires_grad: true) * 0.01|]", "(torch.randn(16, 4) * 0.01).requires_grad_()")]
    [InlineData("[|0.01 * torch.randn(16, 4, requires_grad: true)|]", "(0.01 * torch.randn(16, 4)).requires_grad_()")]
    [InlineData("[|torch.randn(16, 4, requires_grad: true).mul(0.01)|]", "torch.randn(16, 4).mul(0.01).requires_grad_()")]
    [InlineData("[|torch.zeros(64, requires_grad: true).reshape(16, 4)|]", "torch.zeros(64).reshape(16, 4).requires_grad_()")]
    [InlineData("[|torch.randn(16, 4, requires_grad: true).to(x.device)|]", "torch.randn(16, 4).to(x.device).requires_grad_()")]
    [InlineData("[|torch.randn(16, 4, dtype: float32, requires_grad: true).cuda()|]", "torch.randn(16, 4, dtype: float32).cuda().requires_grad_()")]
    [InlineData("[|torch.rand(16, 4).requires_grad_().clone()|]", "torch.rand(16, 4).clone().requires_grad_()")]
    [InlineData("[|(torch.rand(16, 4, requires_grad: true) - 0.5) * 2|]", "((torch.rand(16, 4) - 0.5) * 2).requires_grad_()")]
    public Task TheLeafIsWhatIsKept(string value, string expected) => NonLeaf.Fixes(Step($"var w = {value};"), Step($"var w = {expected};"));

    private static string Step(string start) => Code.InMethod(start + """

        for (var i = 0; i < 10; i++)
        {
            (x.mm(w) - y).pow(2).mean().backward();
            using (torch.no_grad())
                w.sub_(0.1 * w.grad!);
        }
        """);

    [Theory]
    [InlineData("new Parameter([|torch.randn(4, requires_grad: true) * 0.1|])", "new Parameter(torch.randn(4) * 0.1)")]
    [InlineData("[|torch.ones(4, requires_grad: true).mul(0.1)|].AsParameter()", "torch.ones(4).mul(0.1).AsParameter()")]
    public Task AParameterAsksItself(string value, string expected) => NonLeaf.Fixes(
        Code.InMethod($"var scale = {value};\nvar optimizer = torch.optim.SGD(new[] {{ scale }}, 0.1);"), Code.InMethod($"var scale = {expected};\nvar optimizer = torch.optim.SGD(new[] {{ scale }}, 0.1);"));

    [Theory]
    [InlineData("var start = torch.rand(4, requires_grad: true);\nvar w = [|start * 0.1|];")]
    public Task WhereTheLeafIsKeptTooAPersonMustSayWhichIsMeant(string start) => NonLeaf.OffersNoFix(Step(start));

    [Theory]
    [InlineData("var w = torch.randn(16, 4, requires_grad: true);")]
    [InlineData("var w = torch.randn(16, 4, device: x.device, requires_grad: true);")]
    [InlineData("var w = torch.randn(16, 4, requires_grad: true).to(CPU);")]
    [InlineData("var w = torch.randn(16, 4, requires_grad: true).to(float32);")]
    [InlineData("var w = torch.randn(16, 4).to(x.device).requires_grad_();")]
    [InlineData("var w = torch.randn(16, 4, requires_grad: true).to(x.device).detach().requires_grad_();")]
    [InlineData("var w = torch.randn(16, 4, requires_grad: true) * 0.01; w.retain_grad();")]
    [InlineData("var w = x * 0.01;")]
    [InlineData("var w = x.clone().requires_grad_();")]
    public Task LeavesAreFine(string start) => NonLeaf.IsSilent(Step(start));

    [Fact]
    public Task AnInputWhoseGradientNobodyReadsIsFine() => NonLeaf.IsSilent(Code.InMethod("var noise = torch.randn(16, requires_grad: true) * 0.1; var model = new Mlp(); model.forward(x + noise).mean().backward(); foreach (var p in model.parameters()) p.grad!.print();"));
}
