/** A trend without axes; null leaves a gap. Drawn from zero to the largest value. */
export function Sparkline(props: {
  readonly values: readonly (number | null)[];
  readonly width?: number;
  readonly height?: number;
  readonly color?: string;
}) {
  const { values, width = 52, height = 16, color = 'var(--ch-p90)' } = props;
  const present = values.filter((value) => value !== null);
  if (present.length < 2) return <svg width={width} height={height} aria-hidden="true" />;
  const maximum = Math.max(...present) || 1;
  const points: string[] = [];
  values.forEach((value, i) => {
    if (value === null) return;
    const x = 1 + (i / (values.length - 1)) * (width - 2);
    points.push(`${x.toFixed(1)} ${(height - 1.5 - (value / maximum) * (height - 3)).toFixed(1)}`);
  });
  const path = `M${points.join('L')}`;
  const firstX = points[0]?.split(' ')[0];
  const lastX = points.at(-1)?.split(' ')[0];
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <path d={`${path}L${lastX} ${height}L${firstX} ${height}Z`} fill={color} fillOpacity=".16" />
      <path d={path} fill="none" stroke={color} strokeWidth="1.25" strokeLinejoin="round" />
    </svg>
  );
}
