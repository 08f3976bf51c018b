using System.Text;
using GradAnalyzers.Tests.Program;
using Xunit;

namespace GradAnalyzers.Tests.Models.HeldOut;

/// <summary>Held out: code nested up to ten thousand levels, on a stack as small as a pool's thread has somewhere. All rules, and none of them may end the process or throw.</summary>
public sealed class DepthHeldOutTests
{
    private const int SmallStack = 1 << 20;

    public static TheoryData<string, int> Nestings
    {
        get
        {
            var data = new TheoryData<string, int>();
            // The compiler accepts 10,000 of each, and takes time by the square of it: CONTRIBUTING says how to run them all. A build runs the short form, deeper than the stack is.
            var isWhole = Environment.GetEnvironmentVariable("GRADANALYZERS_WHOLE") == "1";
            foreach (var kind in new[] { "sum", "patterns" })
                data.Add(kind, isWhole ? 10_000 : 4_000);
            data.Add("chain", 10_000);
            foreach (var kind in new[] { "calls", "elseifs", "loops" })
                data.Add(kind, 1_000);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Nestings))]
    public void AllRulesSurvive(string kind, int depth)
    {
        var text = Source(kind, depth);
        Exception? failure = null;
        var reports = "";
        // The compiler's parser and binder have guards of their own; they run on the same stack.
        var thread = new Thread(() =>
        {
            try
            {
                var compilation = Analyzed.Fresh([("Usings.cs", Code.Usings), ("Deep.cs", text)]);
                reports = Analyzed.Reports(compilation, Analyzed.Rules, isConcurrent: false, CancellationToken.None).GetAwaiter().GetResult();
            }
            catch (Exception exception)
            {
                failure = exception;
            }
        }, SmallStack);
        thread.Start();
        thread.Join();

        Assert.Null(failure);
        Assert.DoesNotContain("AD0001", reports);
    }

    private static string Repeat(string part, int times) => new StringBuilder().Insert(0, part, times).ToString();

    private static string Source(string kind, int depth)
    {
        string R(string part) => Repeat(part, depth);
        var (fields, constructor, forward) = kind switch
        {
            "sum" => ("", "", $"return x{R(" + x")};"),
            "products" => ("", "", $"return {R("x * (")}x{R(")")};"),
            "parentheses" => ("", "", $"return {R("(")}x{R(")")};"),
            "calls" => ("", "", $"return {R("torch.tanh(")}x{R(")")};"),
            "chain" => ("", "", $"return x{R(".tanh()")};"),
            "sequentials" => ("Sequential body;", $"body = {R("Sequential(")}Linear(4, 4){R(")")};", "return body.forward(x);"),
            "blocks" => ("", "", $"{R("{ ")} x = x.tanh(); {R(" }")} return x;"),
            "ifs" => ("", "", $"{R("if (flag) ")} x = x.tanh(); return x;"),
            "elseifs" => ("", "", $"{R("if (number == 3) x = x.tanh(); else ")} x = x.relu(); return x;"),
            "ternaries" => ("", "", $"return {R("flag ? x.relu() : ")} x;"),
            "ands" => ("", "", $"return flag{R(" && flag")} ? x.tanh() : x;"),
            "coalesces" => ("Tensor other;", "", $"return other{R(" ?? other")};"),
            "texts" => ("string text;", $"text = name{R(" + name")};", "return x;"),
            "negations" => ("", "", $"return {R("-")}x;".Replace("--", "- -")),
            "lambdas" => ("", "", $"Func<Tensor> f = () => {{ {R("Func<Tensor> g() { return () => { ")} return x; {R(" }; } return g()();")} }}; return f();"),
            "tuples" => ("", "", $"var t = {R("(1, ")}1{R(")")}; return x;"),
            "arrays" => ("", "", $"object a = {R("new object[] { ")}1{R(" }")}; return x;"),
            "conversions" => ("", "", $"return {R("(Tensor)")}x;"),
            "loops" => ("", "", $"{R("for (int i0 = 0; number > 3;) ")} x = x.tanh(); return x;".Replace("int i0 = 0", "")),
            "sizes" => ("Linear a;", $"a = Linear(number{R(" + number")}, 4);", "return a.forward(x);"),
            "locals" => ("Linear a;", $"var n = number; {R("n += n; ")} a = Linear(n, 4);", "return a.forward(x);"),
            "assignments" => ("Tensor other;", "", $"return {R("x = ")}x.tanh();"),
            "appends" => ("Sequential body;", $"body = Sequential(){R(".append(Linear(4, 4))")};", "return body.forward(x);"),
            "switches" => ("", "", $"return {R("number switch { 3 => x.relu(), _ => ")} x {R("}")};"),
            "usings" => ("", "", $"{R("using (torch.NewDisposeScope()) ")} x = x.tanh(); return x;"),
            _ => ("", "", $"return number is 1{R(" or 2")} ? x.tanh() : x;"),
        };
        return $$"""
            sealed class Net : Module<Tensor, Tensor>
            {
                readonly bool flag; readonly int number; readonly string name; {{fields}}
                public Net(bool flag, int number, string name) : base("net") { this.flag = flag; this.number = number; this.name = name; {{constructor}} RegisterComponents(); }
                public override Tensor forward(Tensor x) { {{forward}} }
            }
            static class Trainer
            {
                public static void Train(Tensor x, Tensor y, bool flag, int number, string name)
                {
                    var net = new Net(flag, number, name);
                    var optimizer = torch.optim.Adam(net.parameters());
                    for (var i = 0; i < 9; i++) { optimizer.zero_grad(); functional.mse_loss(net.forward(x), y).backward(); optimizer.step(); }
                }
            }
            """;
    }
}
