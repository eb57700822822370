/** The unit that runs the controller, and the file that it reads. */
export const UNIT = 'weft-controller.service'
export const UNIT_CONFIG = '/etc/weft/controller.json'
