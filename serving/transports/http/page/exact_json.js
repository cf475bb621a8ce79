// JSON whose whole numbers are kept as they are written, also those that JavaScript's numbers can't hold.

export function parse(text) {
  return JSON.parse(text, (_, value, context) =>
    Number.isInteger(value) && !Number.isSafeInteger(value) && JSON.rawJSON ? JSON.rawJSON(context.source) : value,
  );
}

export const isPlain = (value) => value === null || typeof value !== "object" || Boolean(JSON.isRawJSON?.(value));
