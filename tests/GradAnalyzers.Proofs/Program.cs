using System.Globalization;
using GradAnalyzers.Proofs;

// dotnet run -c Release --project tests/GradAnalyzers.Proofs -- whole
// trains every program before and after its fixes, with five seeds, and writes docs/proof.md and its pictures. Without "whole" it runs the tests, which are the short form.
// "try GRAD2001" trains the programs whose name contains the text, and prints what they measured and what the fix changed.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
switch (args)
{
    case ["whole"]:
        Page.Write(await Measure(_ => true));
        return 0;
    case ["try", var part]:
        foreach (var repair in (await Measure(proof => proof.Name.Contains(part, StringComparison.Ordinal))).SelectMany(evidence => evidence.Repairs))
            Console.WriteLine($"\n{repair.Title}\n{repair.Difference}");
        return 0;
    default:
        return args.Any(argument => argument is "--server" or "--internal-msbuild-node")
            ? await Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions)
            : await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);
}

static async Task<IReadOnlyList<Evidence>> Measure(Func<Proof, bool> isWanted)
{
    var all = new List<Evidence>();
    foreach (var proof in Proof.All.Where(isWanted))
    {
        all.Add(await Evidence.Of(proof, seeds: 5, CancellationToken.None));
        Console.WriteLine(all[^1]);
    }

    return all;
}
