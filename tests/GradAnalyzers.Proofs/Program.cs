using System.Globalization;
using GradAnalyzers.Proofs;

// dotnet run -c Release --project tests/GradAnalyzers.Proofs -- whole
// trains every program before and after its fixes, with five seeds, and writes docs/proof.md and its pictures. Without "whole" it runs the tests, which are the short form.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
// The same sums on every machine, and small networks are faster so.
TorchSharp.torch.set_num_threads(1);
if (args is not ["whole" or "try", ..])
{
    return args.Any(argument => argument is "--server" or "--internal-msbuild-node")
        ? await Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions)
        : await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);
}

var all = new List<Evidence>();
foreach (var proof in Proof.All.Where(proof => args.Length < 2 || proof.Name.Contains(args[1], StringComparison.Ordinal)))
{
    var start = System.Diagnostics.Stopwatch.StartNew();
    try
    {
        all.Add(await Evidence.Of(proof, args[0] == "whole" ? 5 : 2, CancellationToken.None));
        Console.WriteLine($"{all[^1]} [{start.Elapsed.TotalSeconds:F1} s]");
        foreach (var one in all[^1].Repairs) Console.WriteLine(one.Title + "\n" + one.Difference);
        Console.WriteLine(string.Join('\n', all[^1].Before.Concat(all[^1].Repairs.SelectMany(repair => repair.After)).Select(trial => $"    {trial.Curve.Count} {trial.Curve.FirstOrDefault():G3} {trial.Curve.LastOrDefault():G3} {trial.Stopped}")));
    }
    catch (Exception exception)
    {
        Console.WriteLine($"{proof.Name}: {exception.Message}");
    }
}

return 0;
