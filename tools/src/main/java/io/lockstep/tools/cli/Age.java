package io.lockstep.tools.cli;

import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * Immutable. An age on the command line: {@code 500ms}, {@code 30s} (or 30), {@code 5m}, {@code
 * 2h}.
 */
record Age(long ms) {
  private static final Pattern TEXT = Pattern.compile("([0-9]{1,9})(ms|s|m|h)?");

  /** For picocli. */
  static final class Converter implements ITypeConverter<Age> {
    @Override
    public Age convert(String text) {
      Matcher matcher = TEXT.matcher(text);
      if (!matcher.matches() || Long.parseLong(matcher.group(1)) == 0) {
        throw new TypeConversionException(
            "\"" + text + "\" is no age, expected one like 500ms, 30s, 5m or 2h");
      }
      long count = Long.parseLong(matcher.group(1));
      String unit = matcher.group(2) == null ? "s" : matcher.group(2);
      return new Age(
          switch (unit) {
            case "ms" -> count;
            case "m" -> TimeUnit.MINUTES.toMillis(count);
            case "h" -> TimeUnit.HOURS.toMillis(count);
            default -> TimeUnit.SECONDS.toMillis(count);
          });
    }
  }

  /** Like {@code 12.3 s}. */
  static String text(long ms) {
    return String.format(Locale.ROOT, "%d.%d s", ms / 1000, ms % 1000 / 100);
  }
}
