using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis.Text;

namespace GradAnalyzers.Evidence;

/// <summary>Something in an evidence file that cannot be read, and what to do about it.</summary>
internal sealed record EvidenceError(TextSpan Span, string Message);

/// <summary>
/// Reads an evidence file, as <c>docs/monitor.md</c> describes it. A row that cannot be read is an error with its place, and the others count; a file that is none, or of another version, is one error.
/// Bounded in size before anything of it is copied.
/// </summary>
internal static class EvidenceText
{
    public const string FileSuffix = ".gradients.csv";

    /// <summary>The version that is read.</summary>
    public const int Version = 1;

    /// <summary>A model of 5,000 layers takes two million characters.</summary>
    private const int MostText = 4_000_000;

    private const int MostRows = 100_000;

    private const int LongestLine = 8_192;

    private const int LongestPath = 1_000;

    /// <summary>Rows that are reported each at its place; of the others it is said how many there are.</summary>
    private const int MostReports = 10;

    private const int Utf8 = 65001, Ascii = 20127;

    private const string NoEvidence = "this is no evidence file of the monitor: its first line would begin with '# GradAnalyzers gradient evidence'. Rename the file, or exclude it";

    private static readonly Regex Begin = new("^# GradAnalyzers gradient evidence, version ([^,]*),", RegexOptions.CultureInvariant);

    // What follows the steps is for people, and for spreadsheets, which fill a line up with commas.
    private static readonly Regex FirstLine = new("^# GradAnalyzers gradient evidence, version [0-9]+, model (?:\"((?:[^\"]|\"\")+)\"|([^,\"]+)), steps ([0-9]{1,18})(?:,.*)?$", RegexOptions.CultureInvariant);

    private static readonly ImmutableDictionary<string, MeasuredVerdict> Verdicts = Enum.GetValues(typeof(MeasuredVerdict)).Cast<MeasuredVerdict>().ToImmutableDictionary(Word, StringComparer.Ordinal);

    private static readonly string[] Required = ["parameter", "verdict", "first_step", "observations", "norm_first", "norm_median"];

    private static readonly string[] Counts = ["first_step", "last_step", "observations", "missing", "non_finite", "elements"];

    private static readonly string[] Numbers = ["norm_first", "norm_median", "norm_last", "mean_absolute", "maximum", "zero_share", "update_ratio", "relative", "predicted"];

    public static (MeasuredRun? Run, ImmutableArray<EvidenceError> Errors) Parse(SourceText text)
    {
        // Not even its lines are looked for.
        if (text.Length > MostText)
            return Refused(default, $"this evidence file has {Many(text.Length)} characters; up to {Many(MostText)} are read. Measure a part of the model, or exclude the file");
        if (text.Encoding is { CodePage: not (Utf8 or Ascii) })
            return Refused(text.Lines[0].Span, "this evidence file is not in UTF-8, as the monitor writes it. Save it in UTF-8, or write it again");
        var content = text.ToString();
        if (content.IndexOf('\0') >= 0)
            return Refused(text.Lines[0].Span, "this evidence file has zero bytes in it: it is in another encoding, or was damaged. Write it again");
        var lines = text.Lines;
        var first = LineOf(content, lines[0]).TrimStart('\uFEFF');
        if (Begin.Match(first) is not { Success: true } begin)
            return Refused(text.Lines[0].Span, NoEvidence);
        if (!int.TryParse(begin.Groups[1].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var version) || version < 1)
            return Refused(text.Lines[0].Span, $"'{begin.Groups[1].Value}' is no version of an evidence file; write it again");
        if (version > Version)
            return Refused(text.Lines[0].Span, $"this evidence file has version {version}, and version {Version} is read. Use one version of GradAnalyzers for build and monitor");
        if (FirstLine.Match(first) is not { Success: true } match || Unquoted(match) is not { } model)
            return Refused(text.Lines[0].Span, "the first line does not say model and steps (', model Net, steps 1000'); write the file again");
        if (lines.Count < 2 || Cells(LineOf(content, lines[1])) is not { } columns || columns.Count == 1)
            return Refused(text.Lines[0].Span, "the evidence file has no second line with the columns; write it again");
        if (Required.FirstOrDefault(column => !columns.Contains(column)) is { } lacking)
            return ((MeasuredRun?)null, ImmutableArray.Create(new EvidenceError(lines[1].Span, $"the column '{lacking}' is missing; write the file again")));
        return Rows(model, long.Parse(match.Groups[3].Value, CultureInfo.InvariantCulture), content, lines, columns);
    }

    private static (MeasuredRun?, ImmutableArray<EvidenceError>) Rows(string model, long steps, string content, TextLineCollection lines, List<string> columns)
    {
        var rows = ImmutableArray.CreateBuilder<MeasuredParameter>();
        var errors = ImmutableArray.CreateBuilder<EvidenceError>();
        var known = new HashSet<string>(StringComparer.Ordinal);
        var places = Required.Concat(Counts).Concat(Numbers).Distinct().ToDictionary(column => column, column => columns.IndexOf(column), StringComparer.Ordinal);
        var wrong = 0;
        for (var number = 2; number < lines.Count; number++)
        {
            var line = lines[number];
            if (line.Span.IsEmpty)
                continue;
            var problem = number - 2 >= MostRows ? $"more than {Many(MostRows)} rows are not read" : Read(LineOf(content, line), columns.Count, places, known, out var row) is { } why ? why : Added(row!);
            if (problem is null)
                continue;
            if (++wrong <= MostReports)
                errors.Add(new EvidenceError(line.Span, problem));
            if (number - 2 >= MostRows)
                break;
        }

        if (wrong > MostReports)
            errors.Add(new EvidenceError(lines[0].Span, $"{Many(wrong - MostReports)} more rows of this evidence file cannot be read; write it again"));
        return (new MeasuredRun("", model, steps, rows.ToImmutable(), wrong == 0), errors.ToImmutable());

        string? Added(MeasuredParameter row)
        {
            rows.Add(row);
            return null;
        }
    }

    private static string? Read(string line, int columns, Dictionary<string, int> places, HashSet<string> known, out MeasuredParameter? row)
    {
        row = null;
        if (line.Length > LongestLine)
            return $"this row has {Many(line.Length)} characters; up to {Many(LongestLine)} are read";
        if (Cells(line) is not { } cells)
            return "a quotation mark is not closed: the row is torn. Write the file again";
        if (cells.Count != columns)
            return $"the row has {cells.Count} fields, and there are {columns} columns: it is torn, or numbers have decimal commas. Write the file again";
        var path = Plain(cells[places["parameter"]]);
        if (path.Length is 0 or > LongestPath || path.Split('.').Any(part => part.Length == 0) || path.Any(letter => char.IsControl(letter) || letter == '\uFFFD'))
            return $"'{Shown(path)}' is no path of a parameter, as named_parameters() gives them";
        if (!Verdicts.TryGetValue(cells[places["verdict"]], out var verdict))
            return $"'{Shown(cells[places["verdict"]])}' is no verdict; docs/monitor.md lists them";
        foreach (var column in Counts.Where(column => places[column] >= 0))
        {
            if (!long.TryParse(cells[places[column]], NumberStyles.None, CultureInfo.InvariantCulture, out _))
                return $"'{Shown(cells[places[column]])}' is no number of '{column}'. Write the file again";
        }

        foreach (var column in Numbers.Where(column => places[column] >= 0))
        {
            if (!IsNumber(cells[places[column]]))
                return $"'{Shown(cells[places[column]])}' is no number of '{column}', nor empty. Write the file again";
        }

        if (!known.Add(path))
            return $"'{Shown(path)}' has a row already, which counts. Write the file again";
        row = new MeasuredParameter(path, verdict, Count("first_step"), Count("observations"), Number("norm_first"), Number("norm_median"), Number("norm_last"), Number("zero_share"), Number("predicted"));
        return null;

        long Count(string column) => long.Parse(cells[places[column]], NumberStyles.None, CultureInfo.InvariantCulture);
        double Number(string column) => places[column] < 0 || cells[places[column]] is not { Length: > 0 } text ? double.NaN
            : text == Infinity ? double.PositiveInfinity : double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
    }

    private const string Infinity = "Infinity";

    /// <summary>A size: not below zero, infinite where it says so and nowhere else. Empty where it was not measured.</summary>
    private static bool IsNumber(string text) => text.Length == 0 || text == Infinity
        || (double.TryParse(text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= 0 && !double.IsInfinity(number));

    /// <summary>The fields of a line; null where a quotation mark is left open.</summary>
    private static List<string>? Cells(string line)
    {
        var (cells, cell, isQuoted) = (new List<string>(), new StringBuilder(), false);
        for (var at = 0; at < line.Length; at++)
        {
            switch (line[at])
            {
                case '"' when isQuoted && at + 1 < line.Length && line[at + 1] == '"':
                    cell.Append('"');
                    at++;
                    break;
                case '"':
                    isQuoted = !isQuoted;
                    break;
                case ',' when !isQuoted:
                    cells.Add(cell.ToString());
                    cell.Clear();
                    break;
                case var letter:
                    cell.Append(letter);
                    break;
            }
        }

        cells.Add(cell.ToString());
        return isQuoted ? null : cells;
    }

    private static string? Unquoted(Match match)
    {
        var name = Plain((match.Groups[1].Success ? match.Groups[1].Value.Replace("\"\"", "\"") : match.Groups[2].Value).Trim());
        return name.Length is > 0 and <= LongestPath ? name : null;
    }

    /// <summary>Without the apostrophe that keeps a spreadsheet from taking a text for a formula.</summary>
    private static string Plain(string text) => text.Length > 1 && text[0] == '\'' && text[1] is '=' or '+' or '-' or '@' ? text[1..] : text;

    private static string LineOf(string content, TextLine line) => content.Substring(line.Start, line.End - line.Start);

    private static string Shown(string text) => text.Length <= 40 ? text : text[..20] + "…" + text[^20..];

    private static (MeasuredRun?, ImmutableArray<EvidenceError>) Refused(TextSpan place, string problem) => (null, ImmutableArray.Create(new EvidenceError(place, problem)));

    private static string Many(int number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static string Word(MeasuredVerdict verdict) =>
        string.Concat(verdict.ToString().Select((letter, index) => char.IsUpper(letter) ? (index > 0 ? "-" : "") + char.ToLowerInvariant(letter) : letter.ToString()));
}
