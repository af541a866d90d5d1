'use strict';
// Numbers, colours and the parts that all charts share.
const report = {};

// Okabe and Ito's colours, which colour-blind people can tell apart; the second is for dark pages. The symbols differ too.
report.looks = {
  FIXED: ['#009e73', '#2bc49a', 'circle'],
  FIXED_FAST: ['#56b4e9', '#7cc7f0', 'rect'],
  SPURIOUS: ['#8a8f98', '#a4adb8', 'diamond'],
  RETRY: ['#e69f00', '#f0b73f', 'triangle'],
  EMULATE: ['#0072b2', '#4da6db', 'roundRect'],
  WRITE_PROTECTED: ['#cc79a7', '#dd9cc0', 'pin'],
  EFAULT: ['#d55e00', '#ff8a3d', 'path://M0,2 L2,0 L5,3 L8,0 L10,2 L7,5 L10,8 L8,10 L5,7 L2,10 L0,8 L3,5 Z'],
  EINTR: ['#b8a200', '#e0d04a', 'arrow'],
  SIGBUS: ['#7a2f00', '#c98a63', 'path://M0,0 L10,0 L10,10 L0,10 Z M3,3 L3,7 L7,7 L7,3 Z'],
  ASYNC: ['#6a51a3', '#a08bd0', 'rect'],
  UNKNOWN: ['#b4bac2', '#6a737d', 'emptyCircle'],
};
report.series = [['#0072b2', '#4da6db'], ['#e69f00', '#f0b73f'], ['#009e73', '#2bc49a'], ['#cc79a7', '#dd9cc0'], ['#d55e00', '#ff8a3d'], ['#56b4e9', '#7cc7f0'], ['#b8a200', '#e0d04a'], ['#6a51a3', '#a08bd0'], ['#8a8f98', '#a4adb8']];

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

report.distinct = values => [...new Set(values)];
