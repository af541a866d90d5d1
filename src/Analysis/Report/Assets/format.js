'use strict';
// Numbers, colours and the parts that all charts share.
const report = { palette: __PALETTE__ };

// palette.json: Okabe and Ito's colours, which colour-blind people can tell apart; the second is for dark pages. The symbols differ too.
report.looks = report.palette.outcomes;
report.series = report.palette.series;

report.theme = function (dark) {
  return {
    dark,
    ink: dark ? '#e8eaed' : '#16191d',
    soft: dark ? '#a4adb8' : '#57606a',
    line: dark ? '#3a414a' : '#d5dae0',
    page: dark ? '#14171b' : '#ffffff',
    band: dark ? 'rgba(124,184,242,0.30)' : 'rgba(0,114,178,0.20)',
    bandEdge: dark ? '#7cb8f2' : '#0072b2',
    fault: dark ? 'rgba(232,234,237,0.12)' : 'rgba(22,25,29,0.08)',
    outcome: name => (report.looks[name] || report.looks.UNKNOWN)[dark ? 1 : 0],
    symbol: name => (report.looks[name] || report.looks.UNKNOWN)[2],
    nth: i => report.series[i % report.series.length][dark ? 1 : 0],
  };
};

report.count = n => n == null ? 'unknown' : Number(n).toLocaleString('en-US', { maximumFractionDigits: 2 });

// A time of the trace's clock, short enough for an axis.
report.time = function (value, unit) {
  const steps = unit === 'ns' ? [[1e9, 's'], [1e6, 'ms'], [1e3, 'µs'], [1, 'ns']] : [[1e9, 'G'], [1e6, 'M'], [1e3, 'k'], [1, '']].map(s => [s[0], s[1] + ' ' + unit]);
  const [size, name] = steps.find(s => value >= s[0]) || steps.at(-1);
  return Number((value / size).toPrecision(2)) + ' ' + name;
};

report.axis = function (theme, more) {
  return Object.assign({
    nameLocation: 'middle',
    nameTextStyle: { color: theme.soft, fontSize: 12 },
    axisLine: { lineStyle: { color: theme.line } },
    axisTick: { lineStyle: { color: theme.line } },
    axisLabel: { color: theme.soft, fontSize: 12, hideOverlap: true },
    splitLine: { lineStyle: { color: theme.line, opacity: 0.6 } },
  }, more);
};

// What all options begin with. Tooltips are drawn on the canvas: nothing of a trace becomes markup.
report.base = function (theme, legend) {
  return {
    animation: false,
    backgroundColor: theme.page,
    textStyle: { fontFamily: 'system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif', color: theme.ink },
    tooltip: { renderMode: 'richText', confine: true, backgroundColor: theme.page, borderColor: theme.line, textStyle: { color: theme.ink, fontSize: 12 } },
    legend: { show: legend.length > 1, type: 'scroll', top: 0, left: 0, data: legend, textStyle: { color: theme.ink, fontSize: 12 }, pageTextStyle: { color: theme.soft }, pageIconColor: theme.ink, pageIconInactiveColor: theme.line },
    grid: { top: legend.length > 1 ? 38 : 14, left: 4, right: 18, bottom: 4 },
  };
};

report.short = (text, width) => text.length <= width ? text : text.slice(0, width - 1) + '…';

// Broken at spaces into lines that fit; what does not fit into the last is cut.
report.wrapped = function (text, width, most) {
  const lines = [];
  for (const word of text.split(' ')) {
    if (lines.length && (lines.length === most || (lines.at(-1) + ' ' + word).length <= width)) lines.push(lines.pop() + ' ' + word);
    else lines.push(word);
  }
  return lines.map(line => report.short(line, width)).join('\n');
};

report.distinct = values => [...new Set(values)];
